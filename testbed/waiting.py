"""Waiting for something to become true, and finding free ports."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

# Below the range from which Linux takes the ports of outgoing connections, so that a server can
# be stopped and started again on its port.
PORTS = range(12000, 32000)


def wait_for(
    condition: Callable[[], Value], what: str, timeout: float = 30, interval: float = 0.1
) -> Value:
    """Return the first true value of `condition()`, asked every `interval` seconds.

    Raises TimeoutError, which names `what` and the last value, after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {timeout:g} s: {what} (last seen: {value!r})")
        time.sleep(interval)


def free_port() -> int:
    """Return a port on which nothing listens."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as candidate:
            try:
                candidate.bind(("", port))
            except OSError:
                continue
            return port
