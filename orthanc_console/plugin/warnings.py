"""What an administrator should know of this node: one sentence for each thing that is wrong now."""

from __future__ import annotations

import threading

from orthanc_console.plugin.log import logger


class Warnings:
    """Warnings that hold at the moment, by code. Each is logged when it appears and when it goes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, str] = {}

    def set(self, code: str, message: str) -> None:
        """Say that something is wrong. `message` tells what happened, what it means and what to do; no patient data."""
        with self._lock:
            if self._messages.get(code) == message:
                return
            self._messages[code] = message
        logger.warning("%s: %s", code, message)

    def clear(self, code: str) -> None:
        """Say that it is right again."""
        with self._lock:
            known = self._messages.pop(code, None)
        if known is not None:
            logger.info("%s: over", code)

    def as_list(self) -> list[dict[str, str]]:
        with self._lock:
            return [
                {"code": code, "message": text} for code, text in sorted(self._messages.items())
            ]
