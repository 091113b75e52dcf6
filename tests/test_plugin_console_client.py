"""Whatever stands at the console's address, the plugin gets an answer or one clear sentence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin import console_client
from orthanc_console.plugin.console_client import KEPT, ConsoleClient, ConsoleError
from orthanc_console.plugin.settings import Settings
from testbed.waiting import free_port
from tests.http_server import answer, cut_off, drip, hang, http_server, reset, self_signed

REQUEST = {"wait": 0, "events": []}
GOOD = answer({"protocol": 1, "config_revision": 3})
HTML = b"<html><body>Welcome to nginx!</body></html>"


def test_it_sends_its_token_and_returns_what_the_console_says() -> None:
    with http_server(GOOD) as server:
        assert _client(server.url).sync(REQUEST)["config_revision"] == 3
    (request,) = server.requests
    assert request.path == "/api/agent/v1/sync"
    assert request.headers["authorization"] == "Bearer ocn_secret"
    assert request.body == REQUEST


def test_a_console_below_a_path_is_called_there() -> None:
    with http_server(GOOD) as server:
        _client(f"{server.url}/pacs/console").sync(REQUEST)
    assert server.requests[0].path == "/pacs/console/api/agent/v1/sync"


def test_calls_share_a_connection_and_survive_that_the_console_closes_it() -> None:
    closing = GOOD.replace(b"Content-Length", b"X-Length")
    with http_server(GOOD, GOOD, closing, GOOD) as server:
        client = _client(server.url)
        for _ in range(4):
            assert client.sync(REQUEST)["config_revision"] == 3
    assert server.connections == 2
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(HTML, kind="text/html"), "not an Orthanc Console"),
        (answer(HTML, 500, "text/html"), "HTTP 500"),
        (answer(HTML, 404, "text/html"), "not an Orthanc Console"),
        (answer(HTML, 401, "text/html"), "HTTP 401"),
        (answer(b"", 502), "HTTP 502"),
        (answer({"welcome": "to another API"}), "not an Orthanc Console"),
        (answer(b"[1, 2]"), "not an Orthanc Console"),
        (answer(b"{", 200), "not an Orthanc Console"),
        (answer(b"\xff\xfe", 200), "not an Orthanc Console"),
        (answer(b"", 301, Location="https://console.example/"), "https://console.example/"),
        (answer({"detail": "The node's token is unknown."}, 401), "wrong or was revoked"),
        (answer({"detail": "Another Orthanc uses it."}, 409), "Another Orthanc uses it."),
        (answer({"detail": "The database does not answer."}, 503), "The database does not answer."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
        (reset, "cannot be reached"),
        (cut_off(GOOD[:-5]), "IncompleteRead"),
        (cut_off(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"), "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", "cannot be reached"),
    ],
)
def test_it_says_in_a_sentence_what_is_wrong(said: Any, words: str) -> None:
    with http_server(said) as server:
        message = _failure(server.url)
    assert words in message
    assert server.url in message
    assert message.endswith(KEPT)
    assert "ocn_secret" not in message


@pytest.mark.parametrize("trouble", [hang, drip])
def test_one_that_never_answers_is_given_up(trouble: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_client, "PATIENCE", 0.3)
    with http_server(trouble) as server:
        begin = time.monotonic()
        assert "cannot be reached" in _failure(server.url)
        # The other side would hang for 30 seconds.
        assert time.monotonic() - begin < 20


@pytest.mark.parametrize("host", ["127.0.0.1", "console.invalid", "a..b", "x" * 70])
def test_an_address_where_nothing_is_is_named(host: str) -> None:
    url = f"http://{host}:{free_port()}"
    assert f"The console at {url} cannot be reached" in _failure(url)


def test_a_report_that_is_too_large_is_told_apart() -> None:
    too_large = answer({"detail": "The body is too large."}, 413)
    with http_server(too_large) as server, pytest.raises(ConsoleError) as failure:
        _client(server.url).sync(REQUEST)
    assert failure.value.too_large


def test_https_to_a_server_that_speaks_http_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_client, "PATIENCE", 0.3)
    with http_server(GOOD) as server:
        assert "handshake" in _failure(server.url.replace("http:", "https:"))


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_ca_file_does(
    tmp_path: Path,
) -> None:
    certificate = self_signed(tmp_path)
    with http_server(GOOD, certificate=certificate) as server:
        assert "CERTIFICATE_VERIFY_FAILED" in _failure(server.url)
        settings = Settings(server.url, "ocn_secret", Path("unused"), ca_file=str(certificate))
        assert ConsoleClient(settings).sync(REQUEST)["config_revision"] == 3


def test_after_a_failure_the_next_call_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_client, "PATIENCE", 0.3)
    with http_server(hang, GOOD) as server:
        client = _client(server.url)
        with pytest.raises(ConsoleError):
            client.sync(REQUEST)
        assert client.sync(REQUEST)["config_revision"] == 3


def _client(url: str) -> ConsoleClient:
    return ConsoleClient(Settings(url, "ocn_secret", Path("unused")))


def _failure(url: str) -> str:
    with pytest.raises(ConsoleError) as failure:
        _client(url).sync(REQUEST)
    return str(failure.value)
