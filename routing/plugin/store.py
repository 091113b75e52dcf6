"""The tables of routing in the plugin's state file."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State
from routing.plugin.deliveries import Delivery, Job, pack, unpack

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
CREATE INDEX IF NOT EXISTS delivery_queue ON delivery (destination, state, turn_at);
CREATE INDEX IF NOT EXISTS delivery_live ON delivery (state, destination)
    WHERE state IN ('waiting', 'held', 'sending');
CREATE INDEX IF NOT EXISTS delivery_check ON delivery (destination, check_at) WHERE check_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_study ON delivery (study);
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, delivery TEXT NOT NULL, destination INTEGER NOT NULL, number INTEGER NOT NULL,
    instances BLOB NOT NULL, started_at REAL NOT NULL, job_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_delivery ON job (delivery);
CREATE TABLE IF NOT EXISTS study (id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsettled (study TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
"""

LIVE = ("waiting", "held", "sending")
# Deliveries that do not take care of their instances: should those come (again), they are decided anew.
NOT_COVERING = {
    ("skipped", "dry_run"),
    ("failed", "study_gone"),
    ("cancelled", "destination_removed"),
}
# Seconds for which finished deliveries and decided studies are remembered. A study that grows after that is sent whole.
REMEMBER = 30 * 24 * 3600.0
REMEMBER_FAILED = 90 * 24 * 3600.0
REMEMBER_STUDIES = 365 * 24 * 3600.0
# Seconds that a new study may take to be decided about while nothing was read from the change log yet.
NEVER_READ = 900.0


class DeliveryStore:
    """Reads and writes deliveries and jobs; each change reports itself to the console in the same transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, db: sqlite3.Connection, delivery: Delivery) -> None:
        """Keep a new delivery; all of its instances wait."""
        self._save(db, replace(delivery, unassigned=delivery.instance_count), None)

    def change(
        self, delivery: Delivery, attempt: dict[str, Any] | None = None, **values: Any
    ) -> Delivery:
        """Save with new values in a transaction of its own; returns the changed delivery.

        Args:
            attempt: the attempt that this is about, for the report.
        """
        with self._state.transaction() as db:
            return self._change(db, delivery, attempt, **values)

    def begin(self, delivery: Delivery, instances: set[str], now: float) -> tuple[Delivery, Job]:
        """Write down that a job is about to be asked for."""
        job = Job(delivery.id, delivery.destination, delivery.attempts + 1, pack(instances), now)
        with self._state.transaction() as db:
            self._insert(db, "job", asdict(job))
            begun = self._change(
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
        return begun, job

    def has_job(self, job: Job, job_id: str) -> Job:
        """Keep the identifier of the job that Orthanc gave."""
        with self._state.transaction() as db:
            db.execute("UPDATE job SET job_id = ? WHERE id = ?", (job_id, job.id))
        return replace(job, job_id=job_id)

    def end(self, job: Job, attempt: dict[str, Any], sent: bytes = b"", **values: Any) -> Delivery:
        """Write down that a job is over.

        Args:
            sent: the instances that it delivered.
            values: what changes in its delivery; without a state it goes on waiting, or being sent by other jobs.
        """
        delivery = self.get(job.delivery)
        if delivery is None:
            raise LookupError(f"job {job.id} has no delivery")
        with self._state.transaction() as db:
            db.execute("DELETE FROM job WHERE id = ?", (job.id,))
            done = pack(unpack(delivery.sent) | (unpack(sent) & unpack(delivery.instances)))
            others = self._jobs(delivery.id)
            running = {i for other in others for i in unpack(other.instances)}
            left = unpack(delivery.instances) - unpack(done) - running
            if delivery.state not in LIVE:
                # It was cancelled, or failed for good, while this job ran.
                values = {}
            else:
                values.setdefault("state", "sending" if others else "waiting")
            return self._change(
                db, delivery, attempt, **{**values, "sent": done, "unassigned": len(left)}
            )

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

    def get(self, ident: str) -> Delivery | None:
        found = self._select("id = ?", ident)
        return found[0] if found else None

    def of_study(self, study: str) -> list[Delivery]:
        return self._select("study = ?", study)

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
        read_up_to = newest["at"] if newest else clock.now() - NEVER_READ
        return updated_at + stable_age > float(read_up_to)

    @staticmethod
    def forget_study(db: sqlite3.Connection, study: str) -> None:
        """The study was deleted on purpose: should it come again, the rules are asked again."""
        db.execute("DELETE FROM study WHERE id = ?", (study,))
        db.execute("DELETE FROM unsettled WHERE study = ?", (study,))

    def in_state(self, *states: str) -> list[Delivery]:
        marks = ", ".join("?" * len(states))
        return self._select(f"state IN ({marks}) ORDER BY turn_at", *states)

    def next_due(
        self, destination: int, now: float, horizon: float, ask_first: bool = False
    ) -> Delivery | None:
        """The delivery of a destination whose turn it is.

        Args:
            horizon: seconds; an appointment further away than any pause can be was made by a clock that has jumped since.
            ask_first: among those whose destination has to be asked first, instead of those that can go.
        """
        found = self._select(
            "destination = ? AND state IN ('waiting', 'sending') AND unassigned > 0 AND ask_first = ? AND "
            "(next_attempt_at IS NULL OR next_attempt_at <= ? OR next_attempt_at > ?) ORDER BY turn_at LIMIT 1",
            *(destination, ask_first, now, now + horizon),
        )
        return found[0] if found else None

    def next_check(self, destination: int, now: float, horizon: float) -> Delivery | None:
        """The delivery that the destination is to be asked about, see `next_due`."""
        found = self._select(
            "destination = ? AND (check_at <= ? OR check_at > ?) ORDER BY check_at LIMIT 1",
            *(destination, now, now + horizon),
        )
        return found[0] if found else None

    def covered(self, study: str) -> dict[int, frozenset[str]]:
        """By destination, the instances of a study that need no further delivery."""
        covered: dict[int, set[str]] = {}
        for delivery in self.of_study(study):
            if (delivery.state, delivery.reason) not in NOT_COVERING:
                covered.setdefault(delivery.destination, set()).update(unpack(delivery.instances))
        return {ident: frozenset(instances) for ident, instances in covered.items()}

    def counts(self) -> dict[int, tuple[int, int, float | None]]:
        """By destination: how many wait or are held, how many are being sent, and the next appointment."""
        rows = self._state.read(
            "SELECT destination, sum(state != 'sending') AS waiting, sum(state = 'sending') AS sending, "
            "min(next_attempt_at) AS next FROM delivery WHERE state IN ('waiting', 'held', 'sending') GROUP BY destination"
        )
        return {r["destination"]: (r["waiting"], r["sending"], r["next"]) for r in rows}

    def oldest_live_seq(self) -> int | None:
        """From where the change log would have to be read again if this file were lost."""
        row = self._state.read(
            "SELECT min(seen_seq) AS seq FROM delivery WHERE state IN ('waiting', 'held', 'sending')"
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
        self._save(db, changed, attempt)
        return changed

    def _save(
        self, db: sqlite3.Connection, delivery: Delivery, attempt: dict[str, Any] | None
    ) -> None:
        self._insert(db, "delivery", {**asdict(delivery), "rules": json.dumps(delivery.rules)})
        self._state.add_event(db, "delivery.changed", delivery.as_report(attempt))

    @staticmethod
    def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608

    def _select(self, where: str, *parameters: Any) -> list[Delivery]:
        rows = self._state.read(f"SELECT * FROM delivery WHERE {where}", parameters)  # noqa: S608
        return [_from_row(row) for row in rows]


def _from_row(row: sqlite3.Row) -> Delivery:
    values = dict(row)
    values["rules"] = json.loads(values["rules"])
    values["unreachable"] = bool(values["unreachable"])
    values["split"] = bool(values["split"])
    values["ask_first"] = bool(values["ask_first"])
    return Delivery(**values)
