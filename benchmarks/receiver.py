"""Destinations that behave in a way of their own: one that tells what it received, one that drops, one that is mute."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testbed.orthanc import OrthancServer

SCRIPT = str(Path(__file__).with_suffix(".lua"))


def telling(drop_every: int = 0) -> dict[str, Any]:
    """Orthanc's configuration of a destination that notes what it is given.

    Args:
        drop_every: each so manieth instance is answered with success, but not stored; 0 for none.
    """
    return {"LuaScripts": [SCRIPT], "Receiver": {"DropEvery": drop_every}}


def received(server: OrthancServer) -> Counter[str]:
    """How often a destination was given each instance, by SOPInstanceUID; without those that it dropped."""
    return Counter(re.findall(r"received ([0-9.]+)", server.log_text()))


@contextmanager
def mute_server() -> Iterator[int]:
    """The port of a server that accepts connections, reads, and never answers."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            # Wakes the thread, which a close alone would not do.
            listener.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()
