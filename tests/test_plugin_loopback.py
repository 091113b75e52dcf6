"""What the plugin reads of the answers of Orthanc's own server, whichever of the forms of HTTP they come in."""

from __future__ import annotations

import http.client
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_console.plugin.http import MAX_ANSWER, HttpFailure, JsonClient
from orthanc_console.plugin.loopback import (
    MAX_HEADERS,
    MAX_LINE,
    LoopbackClient,
    read_answer,
    request_bytes,
)
from tests.http_server import answer, cut_off, http_server, reset_after

OK = answer({"Version": "1.12.7"})
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

READABLE = {
    "with a length": OK,
    "empty": answer(b""),
    "of an error": answer({"Message": "no"}, 404),
    "with a tag and a location": answer({}, 200, ETag='"3"', Location="/jobs/x"),
    "without a reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n[]",
    "with names in any case": b"HTTP/1.1 200 OK\r\ncontent-LENGTH:2\r\ncontent-type:text/x\r\n\r\n[]",
    "with bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n[]",
    "of HTTP 1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "up to the end of the connection": CLOSED + b'{"a": [1]}',
    "after a provisional one": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "that never has a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "in chunks": CHUNKED + b'4\r\n{"a"\r\n3;x=y\r\n: 1\r\nA\r\n          \r\n1\r\n}\r\n0\r\n\r\n',
    "in chunks with trailers": CHUNKED + b"2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n",
}

BROKEN = {
    "cut off in the status": b"HTTP/1.1 20",
    "cut off in the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut off in the body": OK[:-1],
    "cut off between chunks": CHUNKED + b"2\r\n{}\r\n",
    "cut off in a chunk": CHUNKED + b"4\r\n{}",
    "cut off before the end of the trailers": CHUNKED + b"2\r\n{}\r\n0\r\n",
    "chunks without their ends": CHUNKED + b"2\r\n{}xx2\r\n{}\r\n0\r\n\r\n",
    "chunks of no length": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n[]",
    "a length that is too long": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    % (MAX_ANSWER + 1),
    "compressed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a newer protocol": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "an endless line": b"HTTP/1.1 200 " + b"x" * (MAX_LINE + 1),
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
}


@pytest.mark.parametrize("sent", READABLE.values(), ids=READABLE)
def test_it_reads_an_answer_as_the_standard_library_does(sent: bytes) -> None:
    with http_server(cut_off(sent)) as server:
        expected = JsonClient(server.url, {}).call("GET", "/system")
        assert LoopbackClient(server.url, {}).call("GET", "/system") == expected


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_it_takes_nothing_of_an_answer_that_is_broken(sent: bytes) -> None:
    with http_server(cut_off(sent)) as server, pytest.raises(HttpFailure):
        LoopbackClient(server.url, {}).call("GET", "/system")


@given(st.binary(max_size=200), st.sampled_from([b"", CHUNKED, CLOSED, OK[:40]]))
def test_it_ends_in_an_answer_or_an_error_of_http_whatever_comes(
    noise: bytes, first: bytes
) -> None:
    try:
        read, _kept = read_answer(io.BufferedReader(io.BytesIO(first + noise)))
    except http.client.HTTPException:
        return
    assert 200 <= read.status < 600


def test_too_much_is_not_read_even_where_no_length_was_announced() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.left = CLOSED

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            part = (self.left or b"x" * 65536)[: len(buffer)]
            self.left = self.left[len(part) :]
            buffer[: len(part)] = part
            return len(part)

    with pytest.raises(http.client.HTTPException, match="64 MiB"):
        read_answer(io.BufferedReader(Endless()))


def test_one_connection_serves_many_calls() -> None:
    with http_server(OK) as server:
        client = LoopbackClient(server.url, {})
        for _ in range(5):
            client.call("GET", "/system")
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize("last", [answer({}, Connection="close"), CLOSED + b"{}"])
def test_a_connection_that_the_server_ends_is_not_used_again(last: bytes) -> None:
    with http_server(last, OK) as server:
        client = LoopbackClient(server.url, {})
        client.call("GET", "/studies")
        client.call("GET", "/system")
    assert (server.connections, len(server.requests)) == (2, 2)


def test_a_call_over_a_connection_that_was_closed_meanwhile_is_made_again() -> None:
    with http_server(OK, cut_off(b""), OK) as server:
        client = LoopbackClient(server.url, {})
        client.call("GET", "/system")
        assert client.call("GET", "/system").json() == {"Version": "1.12.7"}
    assert len(server.requests) == 3


def test_a_call_over_a_connection_of_its_own_is_not_made_again() -> None:
    with http_server(answer({}, Connection="close"), cut_off(b""), OK) as server:
        client = LoopbackClient(server.url, {})
        client.call("GET", "/system")
        with pytest.raises(HttpFailure):
            client.call("POST", "/modalities/pacs/store", ["x"])
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("kind", "half"),
    [
        *((LoopbackClient, end(OK[:n])) for n in (9, 40, 90) for end in (cut_off, reset_after)),
        *((JsonClient, cut_off(OK[:n])) for n in (9, 40, 90)),
        (JsonClient, reset_after(OK[:-3])),
    ],
)
def test_a_call_that_was_half_answered_is_not_made_again(kind: type[JsonClient], half: Any) -> None:
    with http_server(OK, half, OK) as server:
        client = kind(server.url, {})
        client.call("GET", "/system")
        with pytest.raises(HttpFailure):
            client.call("POST", "/modalities/pacs/store", ["x"])
    assert len(server.requests) == 2


def test_a_body_is_sent_with_its_length() -> None:
    with http_server(OK) as server:
        client = LoopbackClient(server.url, {"Authorization": "Bearer token"})
        client.call("POST", "/tools/find", {"Level": "Study", "Query": {"PatientName": "Zoë*"}})
        client.call("PUT", "/patients/x/protected", b"1")
        client.call("POST", "/modalities/x/echo")
    found, protected, echo = server.requests
    assert found.body == {"Level": "Study", "Query": {"PatientName": "Zoë*"}}
    assert found.headers["content-length"] == str(len(json.dumps(found.body)))
    assert (protected.body, echo.headers["content-length"]) == (1, "0")
    assert found.headers["host"] == server.url.removeprefix("http://")
    assert found.headers["authorization"] == "Bearer token"


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/a\0", "/ä"])
def test_a_path_that_would_be_read_as_something_else_is_not_sent(path: str) -> None:
    with http_server(OK) as server, pytest.raises(HttpFailure):
        LoopbackClient(server.url, {}).call("GET", path)
    assert server.requests == []


def test_a_header_that_would_be_read_as_two_is_not_sent() -> None:
    with pytest.raises(http.client.HTTPException, match="line break"):
        request_bytes("GET", "/", None, {"If-Match": "x\r\nY: z"})
