"""Daemon threads that never die silently."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import OrthancDown
from orthanc_console.plugin.warnings import Warnings

FIRST_PAUSE = 1.0
# Seconds after which an Orthanc that does not answer is not just starting or stopping.
LONG_DOWN = 20.0
LONGEST_PAUSE = 30.0


class Worker(threading.Thread):
    """Repeats `step` for as long as the process lives.

    The thread is a daemon and is never asked to end: Orthanc would wait for it, and what it writes is crash-safe anyway.

    Args:
        name: for the log and for the warning `worker_<name>`.
        step: does some work and returns how many seconds to wait before the next call, or until `wake` is set.
        warnings: where a failure is shown until a step succeeds again.
        wake: set by others to end the wait between two steps.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        warnings: Warnings,
        wake: threading.Event | None = None,
    ) -> None:
        super().__init__(name=f"orthanc-console-{name}", daemon=True)
        self._label = name
        self._step = step
        self._warnings = warnings
        self._wake = wake or threading.Event()

    def run(self) -> None:
        pause = FIRST_PAUSE
        answered = time.monotonic()
        while True:
            try:
                delay = self._step()
                pause = FIRST_PAUSE
                answered = time.monotonic()
                self._warnings.clear(f"worker_{self._label}")
            except OrthancDown as error:
                delay = FIRST_PAUSE
                if time.monotonic() - answered > LONG_DOWN:
                    self._warn_of_down(error)
            except Exception as error:
                logger.exception("%s failed", self._label)
                self._warnings.set(
                    f"worker_{self._label}",
                    f"A part of the plugin ({self._label}) fails and tries again every few seconds: "
                    f"{type(error).__name__}: {error}. Nothing is lost meanwhile.",
                )
                delay = pause * random.uniform(0.8, 1.2)  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE)
            self._wake.wait(delay)
            self._wake.clear()

    def _warn_of_down(self, error: OrthancDown) -> None:
        self._warnings.set(
            f"worker_{self._label}",
            f"A part of the plugin ({self._label}) does not reach the HTTP server of its own Orthanc: {error}. Nothing is lost "
            "meanwhile. Look at HttpPort, HttpBindAddresses, SslEnabled and HttpThreadsCount in Orthanc's configuration.",
        )
