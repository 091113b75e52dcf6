"""Several Orthancs on one index: each study is taken care of by one of them, and by another one should that one end.

All of them read the same change log, so each would forward every study. Before an Orthanc decides about a study it claims it,
in the study's metadata, which the shared database changes for one of them only (`CheckRevisions`). While it has claimed studies
that are not over, it touches one of them every now and then, which the others see in the log. Whoever is silent for longer than
its lease loses what it has claimed, and sends nothing from half of that time on until it has made sure what is still its own.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import (
    Conflict,
    NotFound,
    OrthancClient,
    OrthancDown,
    OrthancError,
)
from orthanc_console.plugin.state import State
from routing.plugin import claim as claims
from routing.plugin.agreement import Agreement
from routing.plugin.claim import METADATA, Claim
from routing.plugin.growth import Growth
from routing.plugin.store import IS_LIVE, DeliveryStore

SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
    study TEXT PRIMARY KEY, owner TEXT NOT NULL, seq INTEGER NOT NULL, decided INTEGER NOT NULL, told INTEGER NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
"""
# Seconds between two looks at what became of the own studies.
LOOK = 0.2
# How often a claim is tried while others change the same study.
TRIES = 5
# How many studies are taken over in one go.
AT_A_TIME = 100
# Of a lease: silence after which the owner is heard again, and from which on it does not send before it has looked.
BEAT = 1 / 3
TRUST = 1 / 2
# Own studies whose deliveries ended since the others were told.
PROGRESS = f"""
SELECT claim.study, coalesce(sum(NOT {IS_LIVE}), 0) AS ended, coalesce(sum({IS_LIVE}), 0) AS live
FROM claim LEFT JOIN delivery ON delivery.study = claim.study
WHERE claim.owner = ? AND claim.decided GROUP BY claim.study HAVING live = 0 OR ended != claim.told"""  # noqa: S608


def read(orthanc: OrthancClient, study: str) -> tuple[Claim, str] | None:
    """The claim on a study with its tag, None while there is none.

    Raises:
        ValueError: the metadata holds something else.
    """
    try:
        text, tag = orthanc.get_tagged(f"/studies/{study}/metadata/{METADATA}")
    except NotFound:
        return None
    return claims.parse(text), tag


class Claims:
    """What this Orthanc and the others have claimed.

    Args:
        lease: seconds of silence after which others take over what this Orthanc has claimed.
        growth: notices studies that nobody calls stable.
        agreement: notices others that obey other rules.
        let_go: called with a study that another Orthanc took over.
    """

    def __init__(
        self,
        state: State,
        store: DeliveryStore,
        orthanc: OrthancClient,
        lease: float,
        growth: Growth,
        agreement: Agreement,
        let_go: Callable[[str], None],
    ) -> None:
        self._state = state
        self._store = store
        self._orthanc = orthanc
        self._lease = lease
        self._growth = growth
        self.agreement = agreement
        self._let_go = let_go
        self._me = state.instance
        self._lock = threading.RLock()
        # When this Orthanc was last heard by the others for sure, and the others by this one.
        self._touched = -lease
        self._heard: dict[str, float] = {}
        self._leases: dict[str, float] = {}
        self._looked = time.monotonic()
        # Own changes that were not seen in the log yet: whatever is beyond them somebody else did.
        self._writes: Counter[str] = Counter()
        self._newest_event = -1
        self.wake = threading.Event()

    def take(self, study: str, seq: int) -> bool:
        """Claim a study to decide about it.

        Args:
            seq: number of the change that made it stable.

        Returns:
            whether it is this Orthanc's turn; if not, another one takes or took care of it.

        Raises:
            NotFound: the study was deleted.
            OrthancError: the database did not let it be claimed.
        """
        with self._lock:
            for _ in range(TRIES):
                found = read(self._orthanc, study)
                claim, tag = found or (Claim(self._me, -1), "")
                own = claim.owner == self._me
                if claim.open and not own:
                    self._see_other(study, claim, seq)
                    return False
                if claim.seq >= seq and (not claim.open or self._is_decided(study)):
                    return False
                with suppress(Conflict):
                    self._own(study, claim.taken_by(self._me, self._lease, seq), tag)
                    return True
        raise OrthancError(409, 0, f"Others changed the study {study} {TRIES} times meanwhile.")

    def decided(self, db: sqlite3.Connection, study: str) -> None:
        """What a claimed study needs is in the state file; inside the transaction that writes it.

        Raises:
            Conflict: deciding took so long that another Orthanc took the study over.
        """
        sql = "UPDATE claim SET decided = 1 WHERE study = ? AND owner = ?"
        if not db.execute(sql, (study, self._me)).rowcount:
            raise Conflict(409, 0, f"Another Orthanc took the study {study} over meanwhile.")

    def may_send(self) -> bool:
        """Whether nobody can have taken over what this Orthanc has claimed. Takes no lock."""
        if time.monotonic() - self._touched < self._lease * TRUST or not self._own_studies(1):
            return True
        self.wake.set()
        return False

    def see(self, changes: Sequence[Mapping[str, Any]], done: bool) -> dict[str, int]:
        """Look at what is new in the change log.

        Args:
            done: whether this is all that there is.

        Returns:
            studies that stopped growing a while ago and were not called stable, with the number of their newest change.
        """
        now = time.monotonic()
        with self._lock:
            if not done or now - self._looked > self._lease * BEAT:
                # Who does not listen cannot tell who is silent.
                self._heard = dict.fromkeys(self._heard, now)
            self._looked = now
        for change in changes:
            self._growth.see(change, now)
            if change["ChangeType"] == "UpdatedMetadata" and change["ResourceType"] == "Study":
                self._see_touched(change["ID"])
        return self._orphans(now)

    def _see_touched(self, study: str) -> None:
        with self._lock:
            if self._is_own_write(study):
                return
            found = self._read(study)
            if found is not None and found[0].owner != self._me:
                claim, now = found[0], time.monotonic()
                self._heard[claim.owner] = now
                self.agreement.compare(claim.owner, claim.orders, now)
                self._see_other(study, claim)

    def _is_own_write(self, study: str) -> bool:
        if study not in self._writes:
            return False
        self._writes[study] -= 1
        if self._writes[study] <= 0:
            del self._writes[study]
        return True

    def _see_other(self, study: str, claim: Claim, seq: int = -1) -> None:
        """Another Orthanc has claimed the study.

        Args:
            seq: up to which change it has to be decided about; whoever closes the claim without that leaves it to all.
        """
        self._leases[claim.owner] = claim.lease
        row = self._row(study)
        wanted = max(seq, row["seq"] if row else -1)
        if row is None or row["owner"] != claim.owner:
            # It may have had nothing to tell for long, and this claim may not have been seen in the log yet.
            self._heard[claim.owner] = time.monotonic()
        if row:
            self._forget(study)
        if row and row["owner"] == self._me:
            logger.warning("another Orthanc took the study %s over", study)
            with self._state.transaction() as db:
                self._store.forget_study(db, study)
            self._let_go(study)
        if claim.open:
            values = (study, claim.owner, wanted, 0, 0, clock.now())
            with self._state.transaction() as db:
                db.execute("INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?)", values)
        elif wanted > claim.seq:
            self._have_decided([study])

    def _orphans(self, now: float) -> dict[str, int]:
        found = {}
        while (instance := self._growth.overdue(now)) is not None:
            try:
                study = str(self._orthanc.get(f"/instances/{instance}/study")["ID"])
                series = self._orthanc.get(f"/studies/{study}/series?expand")
            except NotFound:
                self._growth.forget(instance)
                continue
            instances = {i for child in series for i in child["Instances"]} | {instance}
            seq = self._growth.left_alone(study, instances, now)
            if seq is not None:
                found[study] = seq
        return found

    def step(self) -> float:
        """Tell the others what became of the own studies, and take over those of who is silent. Returns seconds."""
        with self._lock:
            self._keep_the_lease()
            self._tell_progress()
            for owner in self._silent():
                self._take_over(owner)
        return LOOK

    def _keep_the_lease(self) -> None:
        silent = time.monotonic() - self._touched
        if silent < self._lease * BEAT or not (own := self._own_studies()):
            return
        # First a sign of life to whoever is about to take over, then a look at what was.
        self._make_sure(own[0], touch=True)
        if silent >= self._lease * TRUST:
            for study in own[1:]:
                self._make_sure(study)
        self._newest_event = -1

    def _make_sure(self, study: str, touch: bool = False) -> None:
        """Find out whether an own claim still is; `touch` also writes it anew, for others to see."""
        found = self._read(study)
        if found is None:
            return
        if found[0].owner != self._me:
            self._see_other(study, found[0])
        elif touch:
            with suppress(Conflict, NotFound):
                self._write(study, replace(found[0], lease=self._lease), found[1])

    def _tell_progress(self) -> None:
        newest = self._state.newest_event()
        if newest == self._newest_event:
            return
        for row in self._state.read(PROGRESS, (self._me,)):
            try:
                self._tell(row["study"], over=row["live"] == 0, told=row["ended"])
            except (Conflict, NotFound):
                # It was taken over, or deleted; the next look finds out.
                newest = -1
        self._newest_event = newest

    def _tell(self, study: str, over: bool, told: int) -> None:
        found = self._read(study)
        if found is None:
            return
        claim, tag = found
        if claim.owner != self._me:
            self._see_other(study, claim)
            return
        deliveries = self._store.of_study(study)
        failed = {d.destination for d in deliveries if d.state == "failed"}
        covered = claims.covered(deliveries, claim.covered)
        fresh = replace(claim, open=not over, covered=covered, failed=tuple(sorted(failed)))
        self._write(study, fresh, tag)
        with self._state.transaction() as db:
            if over:
                db.execute("DELETE FROM claim WHERE study = ?", (study,))
            else:
                db.execute("UPDATE claim SET told = ? WHERE study = ?", (told, study))

    def _silent(self) -> list[str]:
        """Owners of studies that were not heard for longer than their lease."""
        rows = self._state.read("SELECT DISTINCT owner FROM claim WHERE owner != ?", (self._me,))
        owners = [str(row["owner"]) for row in rows]
        now = time.monotonic()
        if now - self._looked > self._lease * BEAT:
            return []
        return [
            owner
            for owner in owners
            if now - self._heard.setdefault(owner, now) > self._leases.get(owner, self._lease)
        ]

    def _take_over(self, owner: str) -> None:
        # Not too many at a time: the owner may be back.
        sql = "SELECT study FROM claim WHERE owner = ? LIMIT ?"
        taken = []
        for row in self._state.read(sql, (owner, AT_A_TIME)):
            found = self._read(row["study"])
            if found is None:
                continue
            if found[0].owner != owner or not found[0].open:
                self._see_other(row["study"], found[0])
            elif self._replace_owner(row["study"], *found):
                taken.append(row["study"])
        self._have_decided(taken)
        if taken:
            message = (
                f"Another Orthanc on this index was silent for longer than {self._leases.get(owner, self._lease):.0f} seconds: "
                f"{len(taken)} studies that it had not finished are forwarded from here. What it was sending may arrive twice."
            )
            logger.warning(message)
            with self._state.transaction() as db:
                notice = {"code": "studies_taken_over", "message": message}
                self._state.add_event(db, "node.notice", notice)

    def _replace_owner(self, study: str, claim: Claim, tag: str) -> bool:
        with suppress(Conflict, NotFound):
            self._own(study, claim.taken_by(self._me, self._lease, claim.seq), tag)
            return True
        return False

    def _own(self, study: str, claim: Claim, tag: str) -> None:
        """Claim a study, which is then to be decided about."""
        self._write(study, claim, tag)
        with self._state.transaction() as db:
            row = (study, self._me, claim.seq, 0, 0, clock.now())
            db.execute("INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?, ?, ?)", row)
            self._store.keep_elsewhere(db, study, claim.covered)

    def _write(self, study: str, claim: Claim, tag: str) -> None:
        """Write the claim if it is still as it was read."""
        begun = time.monotonic()
        self._writes[study] += 1
        try:
            path = f"/studies/{study}/metadata/{METADATA}"
            signed = replace(claim, orders=self.agreement.orders)
            self._orthanc.put_tagged(path, signed.as_json(), tag)
        except (OrthancError, OrthancDown):
            self._is_own_write(study)
            raise
        self._touched = begun
        with self._state.transaction() as db:
            db.execute("UPDATE claim SET at = ? WHERE study = ?", (clock.now(), study))

    def _read(self, study: str) -> tuple[Claim, str] | None:
        """The claim on a study and its tag; a study that was deleted, or whose claim was spoilt, is forgotten."""
        try:
            found = read(self._orthanc, study)
        except ValueError as error:
            logger.warning("study %s: %s", study, error)
            found = None
        if found is None:
            self._forget(study)
        return found

    def _have_decided(self, studies: Iterable[str]) -> None:
        """The reader of the change log decides about them next."""
        with self._state.transaction() as db:
            rows = [(study, clock.now()) for study in studies]
            db.executemany("INSERT OR REPLACE INTO unsettled VALUES (?, ?)", rows)

    def _forget(self, study: str) -> None:
        with self._state.transaction() as db:
            db.execute("DELETE FROM claim WHERE study = ?", (study,))

    def _is_decided(self, study: str) -> bool:
        row = self._row(study)
        return row is not None and row["owner"] == self._me and bool(row["decided"])

    def _row(self, study: str) -> sqlite3.Row | None:
        rows = self._state.read("SELECT * FROM claim WHERE study = ?", (study,))
        return rows[0] if rows else None

    def _own_studies(self, limit: int = -1) -> list[str]:
        """Those that were not touched for the longest time come first."""
        rows = self._state.read(
            "SELECT study FROM claim WHERE owner = ? ORDER BY at LIMIT ?", (self._me, limit)
        )
        return [str(row["study"]) for row in rows]
