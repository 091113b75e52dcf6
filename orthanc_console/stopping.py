"""Says to requests that wait for something that the server stops."""

from __future__ import annotations

import threading

_stopping = threading.Event()


def begin() -> None:
    """End every `pause` now. The server calls it when it was told to stop."""
    _stopping.set()


def pause(seconds: float) -> bool:
    """Sleep; returns True, at once, when the server stops."""
    return _stopping.wait(seconds)
