"""Several consoles on one PostgreSQL, and what stands before them.

with Replicas(tmp_path, 2) as site:
    site.consoles[0].kill()
    requests.get(f"{site.url}/healthz")
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import psycopg
from psycopg.rows import TupleRow

from testbed.console import ConsoleServer
from testbed.postgres import PostgresServer
from testbed.waiting import free_port

CHUNK = 65536


class Replicas:
    """Consoles with one database and the same keys, behind a balancer.

    Attributes:
        consoles: the servers.
        postgres: their database.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.postgres = PostgresServer()
        environment = {"DATABASE_URL": self.postgres.url}
        folders = [folder / f"console{number}" for number in range(count)]
        self.consoles = [
            ConsoleServer(each, environment=environment, prepared=number > 0)
            for number, each in enumerate(folders)
        ]
        self._balancer = Balancer([console.port for console in self.consoles])
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """An address behind which any of the consoles answers."""
        return f"http://127.0.0.1:{self._balancer.port}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.postgres)
            first, *others = self.consoles
            first.prepare()
            for other in others:
                # The keys, and the administrator's token.
                shutil.copytree(first.directory, other.directory, dirs_exist_ok=True)
            for console in self.consoles:
                stack.push(console)
                console.start()
            stack.enter_context(self._balancer)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def kill_in_turn(self, kills: int, every: float) -> None:
        """Kill another console every few seconds, or as soon as the one before is back, and start it again."""
        begun = time.monotonic()
        for number in range(kills):
            console = self.consoles[number % len(self.consoles)]
            console.kill()
            console.start()
            time.sleep(max(0.0, begun + (number + 1) * every - time.monotonic()))

    def query(self, sql: str) -> list[TupleRow]:
        """The rows of a query to the database itself."""
        with psycopg.connect(self.postgres.url.replace("postgres://", "postgresql://")) as db:
            return db.execute(sql.encode()).fetchall()


class Balancer:
    """Passes each connection on to the next server that accepts one, as a proxy in front of replicas does."""

    def __init__(self, backends: Sequence[int]) -> None:
        self.port = free_port()
        self._backends = list(backends)
        self._turn = 0
        self._listener = socket.socket()

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                # Closed.
                return
            server = self._connect()
            if server is None:
                client.close()
                continue
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket | None:
        for _each in self._backends:
            self._turn += 1
            port = self._backends[self._turn % len(self._backends)]
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=2)
        return None


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until either side ends, then end both."""
    source.settimeout(None)
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
