"""Tells people at a terminal how far something long is."""

from __future__ import annotations

import time
from typing import Protocol

EVERY_SECONDS = 2.0


class Output(Protocol):
    def write(self, msg: str = "") -> object: ...


class Progress:
    """Writes a line every two seconds at most."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told_at = time.monotonic()

    def __call__(self, table: str, done: int) -> None:
        if time.monotonic() - self._told_at >= EVERY_SECONDS:
            self._output.write(f"{table}: {done:,} rows")
            self._told_at = time.monotonic()
