"""Calls of Orthanc's REST API by the plugin that runs inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthanc_console.plugin.orthanc_client import (
    Address,
    NotFound,
    OrthancClient,
    OrthancDown,
    OrthancError,
)
from testbed.waiting import free_port
from tests.http_server import answer, cut_off, hang, http_server, self_signed

SYSTEM = answer({"Version": "1.12.7"})


def test_it_shows_the_token_that_orthanc_gave_it() -> None:
    with http_server(SYSTEM) as server:
        assert _client(server.url).get("/system") == {"Version": "1.12.7"}
    assert server.requests[0].headers["authorization"] == "Bearer token"


def test_it_trusts_the_certificate_of_its_own_server(tmp_path: Path) -> None:
    with http_server(SYSTEM, certificate=self_signed(tmp_path)) as server:
        assert _client(server.url).get("/system") == {"Version": "1.12.7"}


def test_routes_of_the_dicomweb_plugin_are_called_below_its_root() -> None:
    with http_server(SYSTEM) as server:
        client = OrthancClient(Address(server.url, dicomweb="/wado/"), "Bearer token")
        client.get("/dicom-web/servers?expand")
        client.get("/peers/dicom-web/system")
    paths = [request.path for request in server.requests]
    assert paths == ["/wado/servers?expand", "/peers/dicom-web/system"]


def test_what_orthanc_says_of_an_error_is_kept() -> None:
    said = {"OrthancStatus": 9, "Message": "Error in the network protocol", "Details": "refused"}
    with http_server(answer(said, 500)) as server, pytest.raises(OrthancError) as failure:
        _client(server.url).post("/modalities/x/echo", {})
    assert str(failure.value) == "Error in the network protocol: refused"
    assert (failure.value.status, failure.value.code) == (500, 9)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"OrthancStatus": "x"}'])
def test_an_error_without_words_of_orthanc_is_an_error_all_the_same(body: bytes) -> None:
    with http_server(answer(body, 404)) as server, pytest.raises(NotFound, match="HTTP 404"):
        _client(server.url).get("/studies/x")


@pytest.mark.parametrize("trouble", [hang, cut_off(SYSTEM[:-3]), cut_off(b""), answer(b"<html>")])
def test_an_answer_that_does_not_come_or_is_none_means_that_orthanc_is_down(
    trouble: object,
) -> None:
    with http_server(trouble) as server, pytest.raises(OrthancDown):  # type: ignore[arg-type]
        _client(server.url).get("/system", timeout=0.3)


def test_no_server_means_that_orthanc_is_down() -> None:
    with pytest.raises(OrthancDown, match="refused"):
        _client(f"http://127.0.0.1:{free_port()}").get("/system")


def _client(url: str) -> OrthancClient:
    return OrthancClient(Address(url), "Bearer token")
