"""A server that runs as a child process and can be stopped, killed and started again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from testbed.waiting import wait_for


class Stopped(NamedTuple):
    """How a server ended: its exit status (negative: the signal that killed it), and how fast."""

    exit_code: int
    seconds: float


class ServerError(Exception):
    """A server did not start or did not stop; the text ends with the tail of its log."""


class Server:
    """Base class: the subclass says what to run and when it is ready."""

    start_timeout = 60.0
    stop_timeout = 30.0
    stop_signal = signal.SIGTERM

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def command(self) -> Sequence[str]:
        """Return the command to run."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return the whole environment of the command."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.running:
            self.stop()

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id; only of a server that was started."""
        if self._process is None:
            raise ServerError(f"{self.name} was not started.")
        return self._process.pid

    def start(self) -> None:
        """Start the server, on the data it has, and wait until it answers.

        Raises ServerError with the end of the log where it does not.
        """
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=output, stderr=subprocess.STDOUT
            )
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: self.is_ready() or not self.running, self.name, self.start_timeout)
            if self.running:
                return
        if self.running:
            self.kill()
            raise self._error(f"did not answer within {self.start_timeout:g} s")
        raise self._error(f"ended with exit status {self._process.returncode} at its start")

    def stop(self) -> Stopped:
        """Ask it to end and wait until it has. Raises ServerError where it has to be killed."""
        return self._end(self.stop_signal)

    def kill(self) -> Stopped:
        """Send SIGKILL, as a crash or a power cut would."""
        return self._end(signal.SIGKILL)

    def log_text(self, *, since_start: bool = False) -> str:
        """Return the log: of all runs, or only since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start if since_start else 0)
            return log.read().decode(errors="replace")

    def _end(self, by: signal.Signals) -> Stopped:
        if self._process is None:
            raise ServerError(f"{self.name} was not started.")
        begin = time.monotonic()
        self._process.send_signal(by)
        try:
            exit_code = self._process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired as expired:
            self._process.kill()
            self._process.wait()
            raise self._error(f"did not end within {self.stop_timeout:g} s") from expired
        return Stopped(exit_code, time.monotonic() - begin)

    def _error(self, what: str) -> ServerError:
        tail = "\n".join(self.log_text(since_start=True).splitlines()[-15:])
        return ServerError(f"{self.name} {what}. Its log ({self.log}) ends with\n{tail}")
