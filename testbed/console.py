"""The console as it runs in operation, with data and a port of its own.

with ConsoleServer(tmp_path / "console") as console:
    token = console.create_node("PACS")
    console.post("/rules/", {...})
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from testbed.http import HttpApi
from testbed.processes import Server, ServerError, Stopped
from testbed.waiting import free_port

CREATE_NODES = """
from orthanc_console.nodes import services
print(*(services.create(None, name, actor_name="command line")[1] for name in %r))
"""
REPOSITORY = Path(__file__).resolve().parent.parent
MANAGE = (sys.executable, str(REPOSITORY / "manage.py"))


class ConsoleServer(Server, HttpApi):
    """A console in `directory`; stopped and started again it has the same data and port.

    `get("/nodes/")` and the like are calls of `/api/v1/` with a token of the administrator.
    `prepared` says that `directory` is a copy of one on which `prepare` was called; `program` is what
    runs the console's commands.
    """

    user = "admin"
    password = "demo-administrator"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        prepared: bool = False,
        program: Sequence[str] = MANAGE,
    ) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.port = port or free_port()
        self._environment = environment or {}
        self._prepared = prepared
        self._program = program
        Server.__init__(self, "The console", self.directory / "console.log")
        HttpApi.__init__(self)

    @property
    def url(self) -> str:
        """The address of the console, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def base_url(self) -> str:
        return f"{self.url}/api/v1"

    def command(self) -> list[str]:
        return [*self._program, "serve"]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "orthanc_console.settings",
            "DATA_DIR": str(self.directory),
            "PORT": str(self.port),
            "CONSOLE_PASSWORD": self.password,
            **self._environment,
        }

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def prepare(self) -> None:
        """Bring the database up to date; the first time, make the administrator and its token."""
        self.manage("migrate", "--verbosity", "0")
        if not self._token_file.exists():
            self.create_user(self.user, "admin")
            self._token_file.touch(mode=0o600)
            self._token_file.write_text(self.create_api_token(self.user))
        self._prepared = True

    def start(self) -> None:
        """Prepare the data, once, and start."""
        if not self._prepared:
            self.prepare()
        self.session.headers["Authorization"] = f"Bearer {self._token_file.read_text()}"
        super().start()

    def kill(self) -> Stopped:
        """Kill it with its worker processes, as the end of a container or of a machine does."""
        workers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        stopped = super().kill()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)
        return stopped

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py and return the last line of its output, such as a secret.

        Raises ServerError with what it wrote where it fails.
        """
        run = subprocess.run(
            [*self._program, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise ServerError(f"manage.py {arguments[0]}: {run.stderr.strip()[-2000:]}")
        return run.stdout.strip().rpartition("\n")[2]

    def create_node(self, name: str) -> str:
        """Register a node and return its token."""
        return self.manage("create_node", name)

    def create_nodes(self, names: Sequence[str]) -> list[str]:
        """Register many nodes in one go; return their tokens in the same order."""
        made = self.manage("shell", "--verbosity", "0", "--command", CREATE_NODES % (list(names),))
        return made.split()

    def create_api_token(self, user: str) -> str:
        """Return a new token of the user."""
        return self.manage("create_api_token", user)

    def create_user(self, name: str, role: str) -> None:
        """Create a user with the same password as the administrator's."""
        self.manage("create_user", name, "--role", role)

    def plugin_section(self, token: str, state_directory: Path) -> dict[str, Any]:
        """Return the section `OrthancConsole` that attaches an Orthanc with this token."""
        return {
            "Url": self.url,
            "Token": token,
            "StateDirectory": str(state_directory.resolve()),
        }

    def pages(self, path: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page after page."""
        page = self.get(path, **filters)
        yield from page["results"]
        while page["next"]:
            page = self.get(page["next"].removeprefix(self.base_url()))
            yield from page["results"]

    @property
    def _token_file(self) -> Path:
        """Where the administrator's token is kept, for the next start on the same data."""
        return self.directory / "testbed-administrator-token"
