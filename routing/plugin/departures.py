"""Notices studies that were deleted in Orthanc by somebody else. Its change log does not tell, so they are looked for."""

from __future__ import annotations

import time

from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from orthanc_console.plugin.state import State

# Seconds between two rounds. One of 100,000 studies takes 100 small calls.
EVERY = 900.0
PAGE = 1000
PAGE_PAUSE = 0.2
# Studies that are asked for in one step, one call each.
ASKED = 50
# Whoever deletes through the plugin has reported it by then, in seconds.
REPORTED_BY_NOW = 60.0


class Departures:
    """Compares the studies that were decided about with those that Orthanc has, some in each step."""

    def __init__(self, state: State, orthanc: OrthancClient) -> None:
        self._state = state
        self._orthanc = orthanc
        # What was not seen in this round yet; None between rounds.
        self._unseen: set[str] | None = None
        self._offset = 0
        self._missing: list[str] = []
        self._round_at = 0.0

    def step(self) -> float:
        """Look at one page, or ask for some of those that were missing. Returns the seconds until the next step.

        Raises:
            OrthancDown: nothing was concluded.
        """
        if self._missing:
            asked, self._missing = self._missing[:ASKED], self._missing[ASKED:]
            for study in asked:
                self._ask_for(study)
            return PAGE_PAUSE if self._missing else self._until_next_round()
        if self._unseen is None:
            self._begin()
        if self._look_at_page():
            return PAGE_PAUSE
        self._missing, self._unseen = sorted(self._unseen or ()), None
        return REPORTED_BY_NOW if self._missing else self._until_next_round()

    def _begin(self) -> None:
        rows = self._state.read("SELECT id FROM study")
        self._unseen, self._offset = {row["id"] for row in rows}, 0
        self._round_at = time.monotonic()

    def _look_at_page(self) -> bool:
        """Whether there may be more."""
        if not self._unseen:
            return False
        page = self._orthanc.get(f"/studies?since={self._offset}&limit={PAGE}")
        self._unseen.difference_update(page)
        # Pages overlap a little: what is deleted meanwhile moves the rest forward.
        self._offset += max(len(page) - PAGE // 10, 1)
        return len(page) == PAGE

    def _until_next_round(self) -> float:
        return max(PAGE_PAUSE, EVERY - (time.monotonic() - self._round_at))

    def _ask_for(self, study: str) -> None:
        try:
            self._orthanc.get(f"/studies/{study}")
        except NotFound:
            self._report(study)

    def _report(self, study: str) -> None:
        """Tell the console, unless a purge has, and decide anew should the study come again."""
        with self._state.transaction() as db:
            known = db.execute("DELETE FROM study WHERE id = ?", (study,)).rowcount
            if known:
                self._state.add_event(db, "study.deleted", {"study": study})
