"""Tells a console again what it was told before: it was restored from a backup, and has forgotten what came after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancDown, OrthancError
from orthanc_console.plugin.state import State
from routing.plugin.store import IS_LIVE, DeliveryStore
from routing.plugin.studies import StudyContent

# A delivery is tried for so long, and may have ended late in that time (seconds).
LONGEST_DELIVERY = 8 * 24 * 3600.0
CONCERNED = f"""
SELECT study, max(at) AS at FROM (
    SELECT id AS study, at FROM study WHERE at >= :since
    UNION ALL SELECT study, NULL FROM delivery WHERE {IS_LIVE}
        OR max(created_at, coalesce(delivered_at, 0), coalesce(verified_at, 0)) >= :since
        OR state IN ('failed', 'cancelled') AND created_at >= :since - {LONGEST_DELIVERY})
GROUP BY study ORDER BY at"""  # noqa: S608


class Recall:
    """Carries out `report_again`.

    Args:
        read: reads a study as rules see it.
    """

    def __init__(
        self, state: State, store: DeliveryStore, read: Callable[[str], StudyContent]
    ) -> None:
        self._state = state
        self._store = store
        self._read = read
        self.commands: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "report_again": self._report_again
        }

    def _report_again(self, ident: str, data: dict[str, Any]) -> None:
        since = datetime.fromisoformat(str(data["since"])).timestamp()
        rows = self._state.read(CONCERNED, {"since": since})
        for row in rows:
            self._tell(row["study"], row["at"])
        detail = f"{len(rows)} studies and their deliveries were reported again."
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, True, detail, {"studies": len(rows)})

    def _tell(self, study: str, decided_at: float | None) -> None:
        content = self._content(study)
        with self._state.transaction() as db:
            if content is not None:
                then = replace(content, stable_at=decided_at) if decided_at else content
                self._state.add_event(db, "study.stable", {"study": then.as_report()})
            for delivery in self._store.of_study(study):
                self._state.add_event(db, "delivery.changed", delivery.as_report(None))

    def _content(self, study: str) -> StudyContent | None:
        """The study; None when it is gone or unreadable, which must not keep the others back.

        Raises:
            OrthancDown: the command is carried out when it is asked for again.
        """
        try:
            return self._read(study)
        except OrthancDown:
            raise
        except NotFound:
            return None
        except (OrthancError, KeyError, TypeError, ValueError) as error:
            logger.warning("study %s cannot be read and is not reported again: %s", study, error)
            return None
