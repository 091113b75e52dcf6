"""`manage.py serve`: answers, writes no addresses into its log, and stops fast while nodes wait."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]


def environment(data: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    settings = "orthanc_console.settings"
    return {**others, "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": settings}


class Console:
    """A console of its own on SQLite, served as in operation."""

    def __init__(self, data: Path, token: str) -> None:
        self.token = token
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = data / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*MANAGE, "serve", "--port", str(self.port)],
                env=environment(data),
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        for _try in range(200):
            try:
                self.get("/healthz")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            said: bytes = answer.read()
        return said

    def sync(self, wait: float, revision: int | None = 1) -> dict[str, object]:
        body = {
            "protocol": 1,
            "instance": "i",
            "boot": "b",
            "config_revision": revision,
            "wait": wait,
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/agent/v1/sync",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said: dict[str, object] = json.load(answer)
        return said


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data of a console that was never started, and the token of its node."""
    data = tmp_path_factory.mktemp("console")

    def manage(*arguments: str) -> str:
        command = [*MANAGE, *arguments]
        return subprocess.check_output(command, env=environment(data), text=True)

    manage("migrate", "-v0")
    return data, manage("create_node", "main").splitlines()[-1]


@pytest.fixture
def console(tmp_path: Path, prepared: tuple[Path, str]) -> Iterator[Console]:
    data, token = prepared
    made = Console(shutil.copytree(data, tmp_path / "data"), token)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_long_before_a_waiting_call_would_end(console: Console, sent: int) -> None:
    answers: list[object] = []
    waiting = threading.Thread(target=lambda: answers.append(console.sync(wait=20)))
    waiting.start()
    time.sleep(1)
    console.process.send_signal(sent)
    # The call would wait for 20 seconds; the bound leaves room for a busy machine.
    assert console.process.wait(timeout=18) == 0
    waiting.join()
    if sent == signal.SIGTERM:
        assert len(answers) == 1


def test_workers_end_soon_after_the_process_that_started_them_is_killed(console: Console) -> None:
    waiting = threading.Thread(target=lambda: console.sync(wait=20))
    waiting.start()
    time.sleep(1)
    killed_at = time.monotonic()
    console.process.kill()
    waiting.join()
    # The call would wait for 20 seconds, and its worker would hold the port for as long.
    assert time.monotonic() - killed_at < 18
    with pytest.raises(OSError):
        console.get("/healthz")


def test_its_log_begins_with_its_address_and_names(console: Console) -> None:
    [line] = console.log.read_text().splitlines()
    assert f"listens on http://127.0.0.1:{console.port} and is known as localhost" in line


def test_what_is_asked_for_is_not_in_its_log(console: Console) -> None:
    console.get("/healthz?search=Doe")
    with pytest.raises(urllib.error.HTTPError):
        console.get("/nothing-here?search=Doe")
    assert "Doe" not in console.log.read_text()


def test_a_body_of_50_megabytes_is_refused_and_the_console_lives_on(console: Console) -> None:
    with socket.create_connection(("127.0.0.1", console.port)) as connection:
        head = (
            "POST /api/agent/v1/sync HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {console.token}\r\nContent-Length: 52428800\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(200)
    assert console.sync(wait=0)["protocol"] == 1


def test_a_truncated_body_is_refused(console: Console) -> None:
    with socket.create_connection(("127.0.0.1", console.port)) as connection:
        head = (
            "POST /api/agent/v1/sync HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {console.token}\r\nContent-Length: 1000\r\n\r\n"
        )
        connection.sendall(head.encode() + b'{"protocol": 1, "events": [')
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(200)
