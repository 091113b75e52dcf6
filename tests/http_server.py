"""A small real HTTP server that misbehaves as a test says."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class HttpServer:
    """Answers every request with the next of `answers`, the last one again and again.

    An answer is the bytes to write, or a function that is given the connection; an empty answer closes it.
    """

    port: int
    answers: list[bytes | Callable[[socket.socket], None]]
    secure: bool = False
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self.secure else ''}://127.0.0.1:{self.port}"

    def next_answer(self) -> bytes | Callable[[socket.socket], None]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(
    body: bytes | dict[str, Any], status: int = 200, kind: str = "application/json", **headers: str
) -> bytes:
    """A whole HTTP answer."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode() + data


def hang(connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    connection.settimeout(30)
    with contextlib.suppress(OSError):
        connection.recv(1)


def drip(connection: socket.socket) -> None:
    """Begin an answer and never end it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    hang(connection)


def reset(connection: socket.socket) -> None:
    """Cut the connection off without a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def cut_off(data: bytes) -> Callable[[socket.socket], None]:
    """Send this and close the connection."""
    return lambda connection: connection.sendall(data)


def reset_after(data: bytes) -> Callable[[socket.socket], None]:
    """Send this, and once it was read, cut the connection off without a goodbye."""

    def act(connection: socket.socket) -> None:
        connection.sendall(data)
        time.sleep(0.2)
        reset(connection)

    return act


@contextmanager
def http_server(
    *answers: bytes | Callable[[socket.socket], None], certificate: Path | None = None
) -> Iterator[HttpServer]:
    """A server that runs until the block ends; over TLS with a PEM file of key and certificate."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(listener.getsockname()[1], list(answers), context is not None)
        threading.Thread(target=_accept, args=(listener, server, context), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def self_signed(folder: Path) -> Path:
    """A PEM file with a key and a certificate for 127.0.0.1."""
    key, certificate, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + certificate.read_text())
    return both


def _accept(listener: socket.socket, server: HttpServer, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        server.connections += 1
        arguments = (connection, server, context)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()


def _serve(connection: socket.socket, server: HttpServer, context: ssl.SSLContext | None) -> None:
    with connection, contextlib.suppress(OSError):
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        while (request := _read(connection)) is not None:
            server.requests.append(request)
            said = server.next_answer()
            if callable(said):
                said(connection)
                return
            connection.sendall(said)
            if not said or b"Content-Length" not in said:
                return


def _read(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Request(first.split()[1], headers, json.loads(body) if body else None)
