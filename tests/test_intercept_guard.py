"""Private networks may be called; a cloud's metadata service and link-local addresses may not, however they are written."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from intercept.plugin import guard
from intercept.plugin.caller import Call, perform

FORBIDDEN = [
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://METADATA.google.internal./",
    "http://metadata/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[::169.254.169.254]/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_it_is_refused_before_anything_is_connected(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_args: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", connect)
    reply = perform(Call("GET", url, {}), 2)
    assert reply.status is None
    assert "no webhook may be sent to" in reply.error


@pytest.mark.parametrize(
    "address", ["10.0.0.9", "172.16.3.4", "192.168.1.2", "127.0.0.1", "fd12::5", "::1", "8.8.8.8"]
)
def test_private_and_public_servers_may_be_called(address: str) -> None:
    assert guard.why_forbidden(address) == ""


def test_a_name_is_refused_when_one_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(host: str, port: int, **_options: Any) -> list[Any]:
        found = ("10.0.0.9", "169.254.169.254")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(guard.Forbidden):
        guard.resolve("two.example", 80)


def test_a_name_that_changes_its_address_after_the_check_is_called_at_the_checked_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254", "169.254.169.254"])
    asked = []

    def lookup(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_answer_once, args=(server,), daemon=True).start()
        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        reply = perform(Call("GET", f"http://rebinding.example:{port}/", {}), 5)
    assert reply.status == 204
    assert asked == ["rebinding.example"]


def _answer_once(server: socket.socket) -> None:
    connection, _address = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
