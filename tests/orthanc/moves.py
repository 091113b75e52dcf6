"""C-MOVE requests by DCMTK's movescu, and an HTTP receiver of webhooks that behaves as it is told."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from testbed.orthanc import OrthancServer

KEYS = {
    "PATIENT": "0010,0020",
    "STUDY": "0020,000d",
    "SERIES": "0020,000e",
    "IMAGE": "0008,0018",
    "ACCESSION": "0008,0050",
}
HANGS = 30.0


@dataclass(frozen=True)
class MoveAnswer:
    """The last response to a C-MOVE (PS3.7 section 9.3.4.2)."""

    status: int
    completed: int
    failed: int
    seconds: float
    pending: int

    @property
    def success(self) -> bool:
        return self.status == 0


def move(
    server: OrthancServer, level: str, value: str, target: str, *, key: str = "", aet: str = "SCU"
) -> MoveAnswer:
    """Ask `server` to send something to the AE title `target`."""
    wanted = f"{KEYS[key or level]}={value}" if value else ""
    keys = [*(["-k", f"0008,0052={level}"] if level else []), *(["-k", wanted] if wanted else [])]
    model = "-P" if level == "PATIENT" else "-S"
    address = ["127.0.0.1", str(server.dicom_port)]
    command = ["movescu", "-d", model, "-aet", aet, "-aec", server.aet, "-aem", target, *keys]
    started = time.monotonic()
    run = subprocess.run(
        [*command, *address], capture_output=True, text=True, timeout=120, check=False
    )
    seconds = time.monotonic() - started
    output = run.stdout + run.stderr
    statuses = re.findall(r"DIMSE Status\s*: (0x[0-9a-f]{4})", output)
    assert statuses, output
    return MoveAnswer(
        int(statuses[-1], 16),
        _count(output, "Completed"),
        _count(output, "Failed"),
        seconds,
        sum(status == "0xff00" for status in statuses),
    )


def _count(output: str, name: str) -> int:
    found = re.findall(rf"{name} Suboperations\s*: (\w+)", output)
    return int(found[-1]) if found and found[-1].isdigit() else 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Received:
    """One request that the receiver got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def data(self) -> dict[str, Any]:
        """What the JSON document tells."""
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found


class Receiver:
    """An HTTP server that answers as `behaviour` says: a status as text, or slow, hanging, drip, reset.

    Attributes:
        headers: sent with each answer.
    """

    def __init__(
        self, behaviour: str = "200", context: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.behaviour = behaviour
        self.headers: dict[str, str] = {}
        self.requests: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.scheme = "http"
        if context is not None:
            self.scheme = "https"
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def ids(self) -> set[str]:
        return {request.id for request in self.requests}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._take()

            def do_POST(self) -> None:
                self._take()

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Received(self.command, self.path, headers, body))
                self.close_connection = True
                behave(self, receiver.behaviour, receiver.headers)

        return Handler


def behave(handler: BaseHTTPRequestHandler, behaviour: str, headers: dict[str, str]) -> None:
    """Answer, or do not."""
    if behaviour == "hanging":
        time.sleep(HANGS)
        return
    if behaviour == "reset":
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")
        handler.wfile.flush()
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return
    if behaviour == "drip":
        with contextlib.suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.3)
        return
    if behaviour == "slow":
        time.sleep(1.0)
    status = int(behaviour) if behaviour.isdigit() else 200
    with contextlib.suppress(OSError):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if 300 <= status < 400:
            handler.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        body = b"" if status == 204 else b'{"said": "it"}'
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextlib.contextmanager
def running_receiver(
    behaviour: str = "200", context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Receiver]:
    receiver = Receiver(behaviour, context, port)
    try:
        yield receiver
    finally:
        receiver.close()


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1, and a server's TLS settings with it."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
