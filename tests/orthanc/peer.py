"""An Orthanc peer that does what a test asks of it, and counts what it receives."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pydicom


class Peer:
    """Receives what jobs of Orthanc send to a peer.

    Attributes:
        received: how often each SOP instance arrived.
        authorizations: the header of that name of each request.
        status: the HTTP status of its answers.
        accepts: whether it takes images; if not it answers them with 503.
        holds: what it answers to the question which series of a study it has; None means that it has none.
        delay: seconds that it takes for an image.
        open: unset it, and answers to images wait until it is set.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.authorizations: set[str] = set()
        self.status = 200
        self.accepts = True
        self.delay = 0.0
        self.holds: Any = None
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def count(self, instance: bytes) -> None:
        uid = str(pydicom.dcmread(BytesIO(instance), stop_before_pixels=True).SOPInstanceUID)
        with self._lock:
            self.received[uid] += 1

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/system":
                    self._answer(peer.status, {"Name": "peer", "Version": "1.12.7"})
                elif peer.holds is None:
                    self._answer(404, {})
                else:
                    self._answer(peer.status, peer.holds)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.open.wait(60)
                time.sleep(peer.delay)
                status = peer.status if peer.accepts else 503
                if status == 200:
                    peer.count(body)
                self._answer(status, {"Status": "Success"})

            def _answer(self, status: int, value: Any) -> None:
                peer.authorizations.add(self.headers.get("Authorization", ""))
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def running_peer() -> Iterator[Peer]:
    """A peer that ends with the block."""
    peer = Peer()
    try:
        yield peer
    finally:
        peer.close()
