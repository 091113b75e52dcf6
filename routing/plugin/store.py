"""The tables of routing in the plugin's state file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State
from routing.plugin.deliveries import (
    IDENTIFIER_BYTES,
    Delivery,
    Flight,
    Job,
    join,
    pieces,
    unpack,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id TEXT PRIMARY KEY, study TEXT NOT NULL, destination INTEGER NOT NULL, destination_name TEXT NOT NULL,
    rules TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    instances BLOB NOT NULL, sent BLOB NOT NULL, unassigned INTEGER NOT NULL,
    attempts INTEGER NOT NULL, next_attempt_at REAL, turn_at REAL NOT NULL,
    last_error TEXT NOT NULL, unreachable INTEGER NOT NULL, first_failed_at REAL, failures INTEGER NOT NULL,
    created_at REAL NOT NULL, delivered_at REAL, verified_at REAL,
    split INTEGER NOT NULL, ask_first INTEGER NOT NULL, check_at REAL, checks INTEGER NOT NULL, repairs INTEGER NOT NULL,
    seen_seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_turn ON delivery (destination, ask_first, turn_at)
    WHERE state IN ('waiting', 'sending') AND unassigned > 0 AND next_attempt_at IS NULL;
CREATE INDEX IF NOT EXISTS delivery_appointment ON delivery (destination, ask_first, next_attempt_at)
    WHERE state IN ('waiting', 'sending') AND unassigned > 0 AND next_attempt_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_lane ON delivery (destination, state, reason, next_attempt_at)
    WHERE state IN ('waiting', 'held', 'sending');
CREATE INDEX IF NOT EXISTS delivery_seen ON delivery (seen_seq) WHERE state IN ('waiting', 'held', 'sending');
CREATE INDEX IF NOT EXISTS delivery_check ON delivery (destination, check_at) WHERE check_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_study ON delivery (study);
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, delivery TEXT NOT NULL, destination INTEGER NOT NULL, number INTEGER NOT NULL,
    instances BLOB NOT NULL, started_at REAL NOT NULL, job_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_delivery ON job (delivery);
CREATE TABLE IF NOT EXISTS study (id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsettled (study TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS elsewhere (
    study TEXT NOT NULL, destination INTEGER NOT NULL, instances BLOB NOT NULL, PRIMARY KEY (study, destination)
) WITHOUT ROWID;
"""

LIVE = ("waiting", "held", "sending")
# The queries below repeat the conditions of the indexes word for word, or SQLite would read all that waits each time.
IS_LIVE = "state IN ('waiting', 'held', 'sending')"
IS_READY = "state IN ('waiting', 'sending') AND unassigned > 0"
NEXT_DUE = f"""
id IN (SELECT id FROM (SELECT id FROM delivery WHERE {IS_READY} AND next_attempt_at IS NULL
                       AND destination = :destination AND ask_first = :ask_first ORDER BY turn_at LIMIT 1)
       UNION ALL
       SELECT id FROM (SELECT id FROM delivery WHERE {IS_READY} AND next_attempt_at IS NOT NULL AND next_attempt_at <= :now
                       AND destination = :destination AND ask_first = :ask_first ORDER BY next_attempt_at LIMIT 1)
       UNION ALL
       SELECT id FROM (SELECT id FROM delivery WHERE {IS_READY} AND next_attempt_at IS NOT NULL AND next_attempt_at > :horizon
                       AND destination = :destination AND ask_first = :ask_first LIMIT 1))
ORDER BY turn_at LIMIT 1"""  # noqa: S608
# Instances of a delivery that may share a job with others.
SMALL = 50
IS_SMALL = (
    f"{IS_READY} AND next_attempt_at IS NULL AND destination = :destination AND ask_first = 0 AND split = 0 "
    f"AND (failures = 0 OR unreachable) AND length(instances) <= {SMALL * IDENTIFIER_BYTES} "
    f"AND unassigned * {IDENTIFIER_BYTES} = length(instances)"
)
MANY = 500
COUNTS = f"""
SELECT destination, sum(state != 'sending') AS waiting, sum(state = 'sending') AS sending, min(next_attempt_at) AS next
FROM delivery WHERE {IS_LIVE} GROUP BY destination"""  # noqa: S608
# How many deliveries change their state at once, so that those of a destination with a long queue do not stop the others.
MISPLACED = 200
# Deliveries that do not take care of their instances: should those come (again), they are decided anew.
NOT_COVERING = {
    ("skipped", "dry_run"),
    ("failed", "study_gone"),
    ("cancelled", "destination_removed"),
    ("cancelled", "taken_over"),
}
# Seconds for which finished deliveries and decided studies are remembered. A study that grows after that is sent whole.
REMEMBER = 30 * 24 * 3600.0
REMEMBER_FAILED = 90 * 24 * 3600.0
REMEMBER_STUDIES = 365 * 24 * 3600.0
# Seconds that a new study may take to be decided about while nothing was read from the change log yet.
NEVER_READ = 900.0
# Orthanc looks for what has become stable once a second.
SETTLE_MARGIN = 2.0


class DeliveryStore:
    """Reads and writes deliveries and jobs; each change reports itself to the console in the same transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, db: sqlite3.Connection, delivery: Delivery) -> None:
        """Keep a new delivery; all of its instances wait."""
        new = replace(delivery, unassigned=delivery.instance_count)
        self._insert(db, "delivery", {**vars(new), "rules": json.dumps(new.rules)})
        self._state.add_event(db, "delivery.changed", new.as_report(None))

    def change(
        self, delivery: Delivery, attempt: dict[str, Any] | None = None, **values: Any
    ) -> Delivery:
        """Save with new values in a transaction of its own; returns the changed delivery.

        Args:
            attempt: the attempt that this is about, for the report.
        """
        with self._state.transaction() as db:
            return self._change(db, delivery, attempt, **values)

    def at_once(self) -> AbstractContextManager[object]:
        """All changes inside become one transaction. Holds the lock of the state file."""
        return self._state.transaction()

    def gone(self, delivery: Delivery) -> Delivery:
        """Orthanc has nothing of it any more. Should the study come again, it is decided anew."""
        with self._state.transaction() as db:
            db.execute("UPDATE study SET fingerprint = x'' WHERE id = ?", (delivery.study,))
            values = {"reason": "study_gone", "next_attempt_at": None, "unassigned": 0}
            return self._change(db, delivery, None, state="failed", **values)

    def begin(self, delivery: Delivery, instances: bytes, now: float) -> Job:
        """Write down that a job is about to be asked for."""
        job = Job(delivery.id, delivery.destination, delivery.attempts + 1, instances, now)
        with self._state.transaction() as db:
            self._insert(db, "job", vars(job))
            self._change(
                db,
                delivery,
                job.as_report("running"),
                state="sending",
                reason="",
                attempts=job.number,
                next_attempt_at=None,
                # Its next part comes after what waits now, so that a large study does not hold up the small ones.
                turn_at=max(delivery.turn_at, now),
                unassigned=delivery.unassigned - job.instance_count,
            )
        return job

    def has_job(self, flight: Flight, job_id: str) -> Flight:
        """Keep the identifier of the job that Orthanc gave."""
        with self._state.transaction() as db:
            ids = [(job_id, job.id) for job in flight.jobs]
            db.executemany("UPDATE job SET job_id = ? WHERE id = ?", ids)
        return Flight(tuple(replace(job, job_id=job_id) for job in flight.jobs))

    def end(
        self,
        job: Job,
        attempt: dict[str, Any],
        sent: bytes = b"",
        complete: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Delivery:
        """Write down that a job is over.

        Args:
            sent: the instances that it delivered.
            complete: what changes besides if now everything is delivered.
            values: what changes in its delivery; without a state it goes on waiting, or being sent by other jobs.
        """
        delivery = self.get(job.delivery)
        if delivery is None:
            raise LookupError(f"job {job.id} has no delivery")
        with self._state.transaction() as db:
            db.execute("DELETE FROM job WHERE id = ?", (job.id,))
            whole = pieces(delivery.instances)
            done = pieces(delivery.sent) | (pieces(sent) & whole)
            others = self._jobs(delivery.id)
            running = {i for other in others for i in pieces(other.instances)}
            if delivery.state not in LIVE:
                # It was cancelled, or failed for good, while this job ran.
                values = {}
            elif complete and whole <= done:
                values |= complete
            else:
                values.setdefault("state", "sending" if others else "waiting")
            values |= {"sent": join(done), "unassigned": len(whole - done - running)}
            return self._change(db, delivery, attempt, **values)

    def jobs(self) -> list[Job]:
        """All jobs that are not known to be over."""
        return [Job(**row) for row in self._state.read("SELECT * FROM job ORDER BY started_at")]

    def unassigned(self, delivery: Delivery) -> set[str]:
        """The instances that are neither delivered nor in a job."""
        running = {i for job in self._jobs(delivery.id) for i in unpack(job.instances)}
        return delivery.remaining() - running

    def _jobs(self, delivery: str) -> list[Job]:
        rows = self._state.read("SELECT * FROM job WHERE delivery = ?", (delivery,))
        return [Job(**row) for row in rows]

    def release(self, destination: int) -> None:
        """The destination is back: whatever failed for want of an answer is due now."""
        with self._state.transaction() as db:
            db.execute(
                "UPDATE delivery SET next_attempt_at = NULL "
                "WHERE state = 'waiting' AND unreachable AND destination = ?",
                (destination,),
            )

    def forget_old(self, now: float) -> None:
        """Take out what ended long ago; its history is in the console."""
        with self._state.transaction() as db:
            db.execute(
                "DELETE FROM delivery WHERE state IN ('delivered', 'verified', 'cancelled', 'skipped') AND check_at IS NULL "
                "AND coalesce(delivered_at, created_at) < ?",
                (now - REMEMBER,),
            )
            db.execute(
                "DELETE FROM delivery WHERE state = 'failed' AND created_at < ?",
                (now - REMEMBER_FAILED,),
            )
            db.execute("DELETE FROM study WHERE at < ?", (now - REMEMBER_STUDIES,))
            db.execute(
                "DELETE FROM elsewhere WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.study = elsewhere.study)"
            )

    def get(self, ident: str) -> Delivery | None:
        found = self._select("id = ?", (ident,))
        return found[0] if found else None

    def of_study(self, study: str) -> list[Delivery]:
        return self._select("study = ?", (study,))

    def awaits_decision(self, study: str, updated_at: float, stable_age: float) -> bool:
        """Whether the rules may not have been asked yet about a stable study as it is now.

        Args:
            updated_at: when its last image came, in seconds since the epoch by Orthanc's clock.
            stable_age: seconds after which Orthanc calls a study stable.
        """
        if self._state.read("SELECT 1 FROM unsettled WHERE study = ?", (study,)):
            return True
        decided = self._state.read("SELECT at FROM study WHERE id = ?", (study,))
        if decided and decided[0]["at"] >= updated_at:
            return False
        newest = self._state.get("newest_change")
        if not newest and self._state.get("position", -1) < self._state.get("log_end", 0):
            return True  # With the state file lost, what is unread may be about any study.
        read_up_to = newest["at"] if newest else clock.now() - NEVER_READ
        return updated_at + stable_age + SETTLE_MARGIN > float(read_up_to)

    @staticmethod
    def forget_study(db: sqlite3.Connection, study: str) -> None:
        """The study was deleted on purpose: should it come again, the rules are asked again."""
        for statement in (
            "DELETE FROM study WHERE id = ?",
            "DELETE FROM unsettled WHERE study = ?",
            "DELETE FROM elsewhere WHERE study = ?",
        ):
            db.execute(statement, (study,))

    def misplaced(self, destination: int, hold_reason: str) -> list[Delivery]:
        """Some of those that wait although their destination is closed, or are held although it is not, or for another reason.

        Args:
            hold_reason: why the destination is closed, empty when it is open.
        """
        found = self._select(
            f"{IS_LIVE} AND destination = ? AND state = 'held' AND reason != ? LIMIT ?",
            (destination, hold_reason, MISPLACED),
        )
        if hold_reason:
            found += self._select(
                f"{IS_LIVE} AND destination = ? AND state = 'waiting' LIMIT ?",
                (destination, MISPLACED),
            )
        return found

    def without_destination(self, known: Collection[int]) -> list[Delivery]:
        """Some of the deliveries that wait for a destination that is not known any more."""
        rows = self._state.read(f"SELECT DISTINCT destination FROM delivery WHERE {IS_LIVE}")  # noqa: S608
        gone = [row["destination"] for row in rows if row["destination"] not in known]
        marks = ", ".join("?" * len(gone))
        return self._select(
            f"{IS_LIVE} AND destination IN ({marks}) AND state IN ('waiting', 'held') LIMIT ?",
            (*gone, MISPLACED),
        )

    def next_due(
        self, destination: int, now: float, horizon: float, ask_first: bool = False
    ) -> Delivery | None:
        """The delivery of a destination whose turn it is.

        Args:
            horizon: seconds; an appointment further away than any pause can be was made by a clock that has jumped since.
            ask_first: among those whose destination has to be asked first, instead of those that can go.
        """
        found = self._select(
            NEXT_DUE,
            {
                "destination": destination,
                "ask_first": ask_first,
                "now": now,
                "horizon": now + horizon,
            },
        )
        return found[0] if found else None

    def small_ones(self, destination: int, limit: int) -> list[Delivery]:
        """Those at the front of the queue that may go together in one job.

        None of them was refused before: that one would take the others with it.
        """
        return self._select(
            f"{IS_SMALL} ORDER BY turn_at LIMIT :limit",
            {"destination": destination, "limit": limit},
        )

    def count_small_ones(self, destination: int) -> int:
        """How many `small_ones` there are; of many, only that they are many."""
        few = f"SELECT 1 FROM delivery WHERE {IS_SMALL} LIMIT {MANY}"  # noqa: S608
        sql = f"SELECT count(*) AS n FROM ({few})"  # noqa: S608
        return int(self._state.read(sql, {"destination": destination})[0]["n"])

    def next_check(self, destination: int, now: float, horizon: float) -> Delivery | None:
        """The delivery that the destination is to be asked about, see `next_due`."""
        found = self._select(
            "destination = ? AND (check_at <= ? OR check_at > ?) ORDER BY check_at LIMIT 1",
            (destination, now, now + horizon),
        )
        return found[0] if found else None

    def covered(self, study: str) -> dict[int, frozenset[str]]:
        """By destination, the instances of a study that need no further delivery."""
        covered = {ident: unpack(packed) for ident, packed in self.elsewhere(study).items()}
        for delivery in self.of_study(study):
            if (delivery.state, delivery.reason) not in NOT_COVERING:
                covered.setdefault(delivery.destination, set()).update(unpack(delivery.instances))
        return {ident: frozenset(instances) for ident, instances in covered.items()}

    def elsewhere(self, study: str) -> dict[int, bytes]:
        """By destination, the packed instances that other Orthancs on the same index took care of."""
        rows = self._state.read("SELECT * FROM elsewhere WHERE study = ?", (study,))
        return {row["destination"]: row["instances"] for row in rows}

    @staticmethod
    def keep_elsewhere(db: sqlite3.Connection, study: str, covered: Mapping[int, bytes]) -> None:
        """Replace what `elsewhere` tells; inside a transaction."""
        db.execute("DELETE FROM elsewhere WHERE study = ?", (study,))
        rows = [(study, destination, packed) for destination, packed in covered.items()]
        db.executemany("INSERT INTO elsewhere VALUES (?, ?, ?)", rows)

    def counts(self) -> dict[int, tuple[int, int, float | None]]:
        """By destination: how many wait or are held, how many are being sent, and the next appointment."""
        rows = self._state.read(COUNTS)
        return {r["destination"]: (r["waiting"], r["sending"], r["next"]) for r in rows}

    def oldest_live_seq(self) -> int | None:
        """From where the change log would have to be read again if this file were lost."""
        row = self._state.read(
            f"SELECT min(seen_seq) AS seq FROM delivery WHERE {IS_LIVE}"  # noqa: S608
        )[0]
        return None if row["seq"] is None else int(row["seq"])

    def _change(
        self,
        db: sqlite3.Connection,
        delivery: Delivery,
        attempt: dict[str, Any] | None,
        **values: Any,
    ) -> Delivery:
        changed = replace(delivery, **values)
        columns = ", ".join(f"{name} = :{name}" for name in values)
        db.execute(f"UPDATE delivery SET {columns} WHERE id = :id", {**values, "id": delivery.id})  # noqa: S608
        self._state.add_event(db, "delivery.changed", changed.as_report(attempt))
        return changed

    @staticmethod
    def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608

    def _select(self, where: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Delivery]:
        rows = self._state.read(f"SELECT * FROM delivery WHERE {where}", parameters)  # noqa: S608
        return [_from_row(row) for row in rows]


def _from_row(row: sqlite3.Row) -> Delivery:
    values = dict(row)
    values["rules"] = json.loads(values["rules"])
    values["unreachable"] = bool(values["unreachable"])
    values["split"] = bool(values["split"])
    values["ask_first"] = bool(values["ask_first"])
    return Delivery(**values)
