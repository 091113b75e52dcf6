"""Tells a console again what it was told before: it was restored from a backup, and has forgotten what came after."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancDown, OrthancError
from orthanc_console.plugin.state import State
from routing.plugin.store import IS_LIVE, REMEMBER_STUDIES, DeliveryStore
from routing.plugin.studies import StudyContent

# Seconds before an Orthanc that did not answer is asked again.
PAUSE = 5.0
# A delivery is tried for so long, and may have ended late in that time (seconds).
LONGEST_DELIVERY = 8 * 24 * 3600.0
# Before anything that a study could still wait for, and not long enough to be forgotten right away (seconds).
LONG_AGO = REMEMBER_STUDIES - 24 * 3600.0
CONCERNED = f"""
SELECT study, max(at) AS at FROM (
    SELECT id AS study, at FROM study WHERE at >= :since
    UNION ALL SELECT study, NULL FROM delivery WHERE {IS_LIVE}
        OR max(created_at, coalesce(delivered_at, 0), coalesce(verified_at, 0)) >= :since
        OR state IN ('failed', 'cancelled') AND created_at >= :since - {LONGEST_DELIVERY})
GROUP BY study ORDER BY at"""  # noqa: S608


class Recall:
    """Carries out `report_again` and `look_for_studies`.

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
            "report_again": self._report_again,
            "look_for_studies": self._look_for,
        }

    def _report_again(self, ident: str, data: dict[str, Any]) -> None:
        since = datetime.fromisoformat(str(data["since"])).timestamp()
        rows = self._state.read(CONCERNED, {"since": since})
        for row in rows:
            self._patiently_tell(row["study"], row["at"])
        detail = f"{len(rows)} studies and their deliveries were reported again."
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, True, detail, {"studies": len(rows)})

    def _patiently_tell(self, study: str, decided_at: float | None) -> None:
        """Wait for an Orthanc that does not answer, as long as it takes; the command has a thread of its own."""
        while True:
            try:
                self._tell(study, decided_at)
            except OrthancDown:
                time.sleep(PAUSE)
            else:
                return

    def _tell(self, study: str, decided_at: float | None) -> None:
        content, gone = None, False
        try:
            content = self._read(study)
        except OrthancDown:
            raise
        except NotFound:
            gone = True
        except (OrthancError, KeyError, TypeError, ValueError) as error:
            # One that is unreadable must not keep the others back.
            logger.warning("study %s cannot be read and is not reported again: %s", study, error)
        with self._state.transaction() as db:
            if content is not None:
                then = replace(content, stable_at=decided_at) if decided_at else content
                self._state.add_event(db, "study.stable", {"study": then.as_report()})
            for delivery in self._store.of_study(study):
                self._state.add_event(db, "delivery.changed", delivery.as_report(None))
            if gone:
                self._store.forget_study(db, study)
                self._state.add_event(db, "study.deleted", {"study": study})

    def _look_for(self, ident: str, data: dict[str, Any]) -> None:
        """Have studies that the console takes to be here looked for, as those that were decided about are, see `Departures`."""
        rows = [(str(study), clock.now() - LONG_AGO) for study in data["studies"]]
        with self._state.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO study VALUES (?, x'', ?)", rows)
            detail = f"{len(rows)} studies are looked for."
            self._state.finish_command(db, ident, True, detail, {})
