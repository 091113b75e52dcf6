"""Follows Orthanc's change log from a persisted position, and finds again what a dying Orthanc would have forgotten."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from orthanc_console.plugin.state import State

POSITION = "position"
# Number, resource and time (by Orthanc's clock) of the newest change that is taken care of.
NEWEST = "newest_change"
# Where the log ended when the plugin began to read.
LOG_END = "log_end"
PAGE = 1000
STUDIES_PAGE = 200
# Seconds between two looks into the log.
LOOK = 0.2
# The same while images arrive: each look takes Orthanc's database for a moment, and what just arrived is not stable yet.
LOOK_WHILE_RECEIVING = 0.8
# A shared PostgreSQL index gives out numbers before its transactions end, so a change can show up after a later one.
SHARED_INDEX_OVERLAP = 200
# Orthanc looks for stable studies every half second, and its clock shows whole seconds.
SETTLE_MARGIN = 5.0
CHECKPOINT = "checkpoint.json"


def studies_since(orthanc: OrthancClient, since: float) -> list[str]:
    """Identifiers of all studies that were updated at or after a time, by looking at every study.

    Args:
        since: seconds since the epoch, by Orthanc's clock.
    """
    found: list[str] = []
    offset = 0
    while page := orthanc.get(f"/studies?expand&since={offset}&limit={STUDIES_PAGE}"):
        offset += len(page)
        for study in page:
            updated = clock.from_orthanc(study["LastUpdate"])
            if updated is None or updated >= since:
                found.append(study["ID"])
    return found


class ChangeReader:
    """Hands every study that became stable to `handle`, in the order of the log, at least once.

    Args:
        stable_age: seconds without a new instance after which Orthanc calls a study stable (`StableAge`).
        ready: whether there is a configuration to decide by; the position does not move before.
        handle: `handle(study, seq, keep)`: decides for a study and calls `keep(db)` in the same transaction as its decision.
        watch: `watch(changes, done)`: is shown what is new in the log, and whether it is all, because other Orthancs share it;
            returns studies that nobody will call stable, each with the number of its newest change.
    """

    def __init__(
        self,
        state: State,
        orthanc: OrthancClient,
        directory: Path,
        stable_age: float,
        handle: Callable[[str, int, Callable[[sqlite3.Connection], None]], None],
        ready: Callable[[], bool],
        watch: Callable[[Sequence[Mapping[str, Any]], bool], Mapping[str, int]] | None = None,
    ) -> None:
        self._state = state
        self._orthanc = orthanc
        self._watch = watch
        self._checkpoint = directory / CHECKPOINT
        self._stable_age = stable_age
        self._overlap = 0
        self._handle = handle
        self._ready = ready
        self._started = False
        self._seen: set[int] = set()
        # By study that Orthanc does not call stable: number of its newest change.
        self._found: dict[str, int] = {}
        self._written: int | None = None

    def step(self) -> float:
        """Read what is new. Returns seconds until the next look."""
        if not self._started:
            self._start()
        if not self._ready():
            return 1.0
        position = self.position()
        page = self._page(max(0, position - self._overlap))
        if int(page["Last"]) < position - self._overlap:
            self._log_went_back(position, int(page["Last"]))
            return 0.0
        if self._watch is not None:
            unseen = [c for c in page["Changes"] if int(c["Seq"]) not in self._seen]
            if orphans := self._watch(unseen, page["Done"]):
                self._unsettle(orphans, clock.now())
        self._take(page["Changes"], position)
        self._settle()
        if not page["Done"]:
            return 0.0
        receiving = any(change["ChangeType"] == "NewInstance" for change in page["Changes"])
        return LOOK_WHILE_RECEIVING if receiving else LOOK

    def position(self) -> int:
        """Number of the last change that is taken care of."""
        return int(self._state.get(POSITION, 0))

    def _start(self) -> None:
        if self._orthanc.get("/system").get("DatabaseBackendPlugin"):
            self._overlap = SHARED_INDEX_OVERLAP
        last = int(self._orthanc.get("/changes?last")["Last"])
        position = self._state.get(POSITION)
        if position is None:
            position = self._first_position(last)
        elif last < position or self._is_another_log(position):
            self._log_went_back(position, last)
            position = last
        with self._state.transaction() as db:
            self._state.put(db, POSITION, position)
            self._state.put(db, LOG_END, last)
        if not self._state.fresh or self._state.replaced:
            self._find_unsettled(position)
        self._started = True

    def _first_position(self, last: int) -> int:
        """A new state file begins now: what Orthanc stored before the plugin came is not forwarded unless it is asked for.

        One that replaces a lost file begins where the oldest unfinished delivery was decided.
        """
        try:
            safe = int(json.loads(self._checkpoint.read_text(encoding="ascii"))["position"])
        except (OSError, ValueError, KeyError, TypeError):
            return last
        return min(safe, last)

    def _is_another_log(self, position: int) -> bool:
        """Whether the change that was read last is now another one. One that is gone says nothing: its resource was deleted."""
        newest = self._state.get(NEWEST)
        found = self._orthanc.get(f"/changes?since={position - 1}&limit=1")["Changes"]
        if not newest or not found or found[0]["Seq"] != newest["seq"]:
            return False
        return bool(found[0]["ID"] != newest["id"])

    def _log_went_back(self, position: int, last: int) -> None:
        """Orthanc's database is another one than before. What it has that is newer than what was seen is decided for."""
        newest = self._state.get(NEWEST)
        due = clock.now() + self._stable_age
        since = newest["at"] - self._stable_age if newest else due
        found = studies_since(self._orthanc, since)
        message = (
            f"Orthanc's change log ended at {position} before and ends at {last} now, or holds other changes: its database was "
            f"replaced or restored. {len(found)} studies that are newer than what was seen before are looked at again."
        )
        logger.warning(message)
        with self._state.transaction() as db:
            notice = {"code": "change_log_went_back", "message": message}
            self._state.add_event(db, "node.notice", notice)
            self._state.put(db, POSITION, last)
            for study in found:
                db.execute("INSERT OR IGNORE INTO unsettled VALUES (?, ?)", (study, due))

    def _page(self, since: int) -> dict[str, Any]:
        page: dict[str, Any] = self._orthanc.get(f"/changes?since={since}&limit={PAGE}")
        return page

    def _take(self, changes: list[dict[str, Any]], position: int) -> None:
        for change in changes:
            seq = int(change["Seq"])
            if seq in self._seen or (seq <= position and not self._overlap):
                continue
            if change["ChangeType"] == "StableStudy":
                self._found.pop(change["ID"], None)
                self._handle(change["ID"], seq, partial(self._keep, seq))
            if self._overlap:
                self._seen.add(seq)
        if changes and int(changes[-1]["Seq"]) > position:
            self._move(changes[-1])
        self._seen = {seq for seq in self._seen if seq > self.position() - 2 * self._overlap}

    def _keep(self, seq: int, db: sqlite3.Connection) -> None:
        if seq > self.position():
            self._state.put(db, POSITION, seq)

    def _move(self, change: dict[str, Any]) -> None:
        at = clock.from_orthanc(change["Date"]) or clock.now()
        newest = {"seq": change["Seq"], "id": change["ID"], "at": at}
        with self._state.transaction() as db:
            self._state.put(db, POSITION, change["Seq"])
            self._state.put(db, NEWEST, newest)

    def checkpoint(self, oldest_live: int | None) -> None:
        """Note outside the state file from where to start if that file is lost.

        Args:
            oldest_live: position at which the oldest unfinished delivery was decided.
        """
        if not self._started:
            # Until then the position is not known, and what was noted before is needed to find it.
            return
        position = self.position()
        safe = position if oldest_live is None else min(position, max(0, oldest_live - 1))
        if safe != self._written:
            fresh = self._checkpoint.with_suffix(".new")
            fresh.write_text(json.dumps({"position": safe}), encoding="ascii")
            os.replace(fresh, self._checkpoint)  # noqa: PTH105
            self._written = safe

    def _find_unsettled(self, position: int) -> None:
        """Studies that were still growing when Orthanc ended: it never calls them stable again, so the plugin does.

        Looks at the part of the log that was younger than StableAge then, and at everything after the position.
        """
        found: dict[str, int] = {}
        for (kind, ident), seq in self._open_changes(position).items():
            if study := self._study_of(kind, ident):
                found[study] = max(seq, found.get(study, 0))
        self._unsettle(found, clock.now() + self._stable_age)
        if found:
            logger.info("%d studies may not have been stable when Orthanc ended", len(found))

    def _unsettle(self, found: Mapping[str, int], due: float) -> None:
        """Decide at a time about studies that Orthanc does not call stable, each with the number of its newest change."""
        self._found.update(found)
        with self._state.transaction() as db:
            for study in found:
                db.execute("INSERT OR IGNORE INTO unsettled VALUES (?, ?)", (study, due))

    def _open_changes(self, position: int) -> dict[tuple[str, str], int]:
        """Resources, as (type, id), that arrived and whose study was not called stable afterwards, as far as the log tells.

        Each with the number of its change.
        """
        opened: dict[tuple[str, str], dict[str, Any]] = {}
        since, done, newest = self._window_start(position), False, 0.0
        while not done:
            page = self._page(since)
            for change in page["Changes"]:
                kind, ident = change["ChangeType"], change["ID"]
                if int(change["Seq"]) <= position:
                    newest = max(newest, clock.from_orthanc(change["Date"]) or 0.0)
                if kind in ("NewStudy", "NewSeries", "NewInstance"):
                    opened[(kind, ident)] = change
                elif kind == "StableStudy":
                    opened.pop(("NewStudy", ident), None)
                since = max(since, int(change["Seq"]))
            done = page["Done"]
        # What was older when the position was reached was stable then, and decided.
        oldest = newest - self._stable_age - SETTLE_MARGIN
        return {
            key: int(change["Seq"])
            for key, change in opened.items()
            if int(change["Seq"]) > position
            or (clock.from_orthanc(change["Date"]) or newest) >= oldest
        }

    def _window_start(self, position: int) -> int:
        step = 200
        while True:
            since = max(0, position - step)
            changes = self._orthanc.get(f"/changes?since={since}&limit={step}")["Changes"]
            times = [t for c in changes if (t := clock.from_orthanc(c["Date"])) is not None]
            span = max(times, default=0.0) - min(times, default=0.0)
            if since == 0 or span > self._stable_age + SETTLE_MARGIN:
                return since
            step *= 4

    def _study_of(self, kind: str, ident: str) -> str | None:
        paths = {"NewSeries": f"/series/{ident}/study", "NewInstance": f"/instances/{ident}/study"}
        if kind == "NewStudy":
            return ident
        try:
            return str(self._orthanc.get(paths[kind])["ID"])
        except NotFound:
            return None

    def _settle(self) -> None:
        """Decide for the studies whose stable age the plugin has waited out itself."""
        rows = self._state.read(
            "SELECT study FROM unsettled WHERE since <= ? OR since > ?",
            (clock.now(), clock.now() + 10 * self._stable_age + 3600),
        )
        for row in rows:
            if self._still_growing(row["study"]):
                # Orthanc itself tells when it is stable.
                with self._state.transaction() as db:
                    due = clock.now() + self._stable_age
                    db.execute(
                        "INSERT OR REPLACE INTO unsettled VALUES (?, ?)", (row["study"], due)
                    )
            else:
                seq = self._found.pop(row["study"], self.position())
                self._handle(row["study"], seq, lambda db: None)

    def _still_growing(self, study: str) -> bool:
        try:
            found = self._orthanc.get(f"/studies/{study}")
        except NotFound:
            return False
        if not found["IsStable"]:
            return True
        updated = clock.from_orthanc(found["LastUpdate"])
        if self._watch is None or updated is None:
            return False
        # An Orthanc calls stable whatever it does not receive itself; another one may.
        return abs(clock.now() - updated) < self._stable_age
