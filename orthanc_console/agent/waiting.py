"""Calls that wait for news. One thread looks for all of them, and a waiting call holds no connection to the database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import DatabaseError

from orthanc_console import stopping
from orthanc_console.borrowing import give_back_connection

logger = logging.getLogger(__name__)

NEWS_IS_LOOKED_FOR_EVERY = 0.25


class News(NamedTuple):
    """What the database says: the revision of the configuration, and the nodes that are asked to do something."""

    revision: int
    asked: frozenset[int]


@dataclass(eq=False)
class _Call:
    node: int
    revision: int | None
    over: threading.Event = field(default_factory=threading.Event)


class Lookout:
    """Lets calls wait together: one look at the database serves them all, whichever console the change came from.

    Args:
        look: reads what is new for these nodes.
    """

    def __init__(self, look: Callable[[Iterable[int]], News]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._calls: set[_Call] = set()
        self._looking = False

    def wait(self, node: int, revision: int | None, seconds: float) -> None:
        """Return when there is news for the node, the time is up, the server stops, or the database fails."""
        call = _Call(node, revision)
        with self._lock:
            self._calls.add(call)
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._serve, name="lookout", daemon=True).start()
        give_back_connection()
        call.over.wait(seconds)
        self._end([call])

    def _serve(self) -> None:
        while calls := self._waiting():
            if stopping.pause(NEWS_IS_LOOKED_FOR_EVERY):
                self._end(calls)
            else:
                self._end(self._with_news(calls))

    def _waiting(self) -> list[_Call]:
        with self._lock:
            self._looking = bool(self._calls)
            return list(self._calls)

    def _with_news(self, calls: list[_Call]) -> list[_Call]:
        try:
            news = self._look({call.node for call in calls})
        except DatabaseError:
            # Each call then asks the database itself, and answers what it hears.
            logger.warning("looking for news failed", exc_info=True)
            return calls
        finally:
            give_back_connection()
        return [call for call in calls if call.node in news.asked or call.revision != news.revision]

    def _end(self, calls: list[_Call]) -> None:
        with self._lock:
            self._calls.difference_update(calls)
        for call in calls:
            call.over.set()
