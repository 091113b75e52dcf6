"""A PostgreSQL server for tests, on loopback, gone afterwards.

python -m testbed.postgres -- COMMAND ...   runs the command with DATABASE_URL set to it
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from testbed.processes import Server
from testbed.waiting import free_port

INSTALLATIONS = Path("/usr/lib/postgresql")
# What a crash would lose is thrown away anyway.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


class PostgresServer(Server):
    """A server on new data; as root it runs as the user postgres, because it refuses root."""

    stop_signal = signal.SIGINT

    def __init__(self) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="orthanc-console-postgres-"))
        super().__init__("PostgreSQL", self.directory / "postgres.log")
        self._data = self.directory / "data"
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]

    @property
    def url(self) -> str:
        """The value for DATABASE_URL."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def as_index(self, storage: Path) -> dict[str, Any]:
        """Return the configuration of an Orthanc that shares the index here, and its files in `storage`, with others."""
        return {
            "PostgreSQL": {
                "EnableIndex": True,
                "Host": "127.0.0.1",
                "Port": self.port,
                "Database": "postgres",
                "Username": "postgres",
                "Password": "",
                "Lock": False,
                "IndexConnectionsCount": 5,
            },
            "StorageDirectory": str(storage),
            "CheckRevisions": True,
        }

    def start(self) -> None:
        if not self._data.exists():
            initdb = self._program("initdb", "--username=postgres", "--auth=trust")
            options = ["--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata", str(self._data)]
            subprocess.run(
                [*initdb, *options], check=True, stdout=subprocess.DEVNULL, cwd=self.directory
            )
        super().start()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        shutil.rmtree(self.directory)

    def command(self) -> list[str]:
        settings = [*FAST, f"unix_socket_directories={self.directory}"]
        listen = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port)]
        return self._program("postgres", *listen, *(f"-c{setting}" for setting in settings))

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def is_ready(self) -> bool:
        return "ready to accept connections" in self.log_text(since_start=True)

    def _program(self, name: str, *arguments: str) -> list[str]:
        versions = sorted(INSTALLATIONS.glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
        if not versions:
            raise FileNotFoundError(f"No {name} under {INSTALLATIONS}: run `make setup`.")
        return [*self._as_user, str(versions[-1]), *arguments]


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["--"] or len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    with PostgresServer() as server:
        environment = {**os.environ, "DATABASE_URL": server.url}
        return subprocess.run(arguments[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
