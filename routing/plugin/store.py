"""The tables of routing in the plugin's state file."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State
from routing.plugin.retry import Failure

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id TEXT PRIMARY KEY, study TEXT NOT NULL, destination INTEGER NOT NULL, destination_name TEXT NOT NULL,
    rules TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, instances BLOB NOT NULL,
    instance_count INTEGER NOT NULL, delivered_count INTEGER NOT NULL, attempts INTEGER NOT NULL, next_attempt_at REAL,
    last_error TEXT NOT NULL, unreachable INTEGER NOT NULL, job_id TEXT NOT NULL, started_at REAL, first_failed_at REAL,
    created_at REAL NOT NULL, delivered_at REAL, verified_at REAL, seen_seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_queue ON delivery (state, destination, created_at);
CREATE INDEX IF NOT EXISTS delivery_study ON delivery (study);
CREATE TABLE IF NOT EXISTS study (id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unsettled (study TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
"""

# An instance in one of these is taken care of, or somebody decided that it is not to be sent.
COVERING_REASONS_OF_SKIPPED = ("loop_guard", "already_there")
REPORTED = (
    "id",
    "study",
    "destination",
    "destination_name",
    "rules",
    "cause",
    "state",
    "reason",
    "instance_count",
    "delivered_count",
    "attempts",
    "last_error",
)


def pack(instances: Iterable[str]) -> bytes:
    """Orthanc's identifiers (SHA-1 in hexadecimal with hyphens) in 20 bytes each, in a stable order."""
    return b"".join(sorted(bytes.fromhex(i.replace("-", "")) for i in instances))


def unpack(blob: bytes) -> list[str]:
    """The identifiers that were packed."""
    texts = (blob[n : n + 20].hex() for n in range(0, len(blob), 20))
    return ["-".join(t[n : n + 8] for n in range(0, 40, 8)) for t in texts]


@dataclass(frozen=True)
class Delivery:
    """One row: a set of instances of a study for one destination. Times are seconds since the epoch."""

    study: str
    destination: int
    destination_name: str
    instances: bytes
    instance_count: int
    rules: list[dict[str, Any]] = field(default_factory=list)
    cause: str = "rule"
    state: str = "waiting"
    reason: str = ""
    delivered_count: int = 0
    attempts: int = 0
    next_attempt_at: float | None = None
    last_error: str = ""
    # The last failure was of the connection, so the answer of a probe is worth another try at once.
    unreachable: bool = False
    job_id: str = ""
    started_at: float | None = None
    first_failed_at: float | None = None
    created_at: float = field(default_factory=clock.now)
    delivered_at: float | None = None
    verified_at: float | None = None
    # Position in Orthanc's change log from which this delivery can be found again.
    seen_seq: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_report(self, outcome: str, failure: Failure | None) -> dict[str, Any]:
        """DELIVERY of docs/protocol.md; with the current attempt when `outcome` says how it stands."""
        times = ("next_attempt_at", "created_at", "delivered_at", "verified_at")
        report: dict[str, Any] = {name: getattr(self, name) for name in REPORTED}
        report |= {name: clock.iso(getattr(self, name)) for name in times}
        report["attempt"] = self._attempt(outcome, failure) if outcome else None
        return {"delivery": report}

    def _attempt(self, outcome: str, failure: Failure | None) -> dict[str, Any]:
        return {
            "number": self.attempts,
            "started_at": clock.iso(self.started_at),
            "finished_at": None if outcome == "running" else clock.iso(clock.now()),
            "job_id": self.job_id,
            "outcome": outcome,
            "error": failure.text if failure else "",
            "error_code": failure.code if failure else None,
            "permanent": bool(failure and failure.permanent),
        }


class DeliveryStore:
    """Reads and writes deliveries; each write reports itself to the console in the same transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def save(
        self,
        db: sqlite3.Connection,
        delivery: Delivery,
        outcome: str = "",
        failure: Failure | None = None,
    ) -> None:
        """Write a delivery and its report.

        Args:
            outcome: of the current attempt, if this is about one: `running`, `succeeded`, `failed` or `lost`.
            failure: what went wrong in it.
        """
        row = {**asdict(delivery), "rules": json.dumps(delivery.rules)}
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT OR REPLACE INTO delivery ({names}) VALUES ({marks})", row)  # noqa: S608
        self._state.add_event(db, "delivery.changed", delivery.as_report(outcome, failure))

    def change(
        self, delivery: Delivery, outcome: str = "", failure: Failure | None = None, **values: Any
    ) -> Delivery:
        """Save with new values in a transaction of its own; returns the changed delivery. See `save`."""
        changed = replace(delivery, **values)
        with self._state.transaction() as db:
            self.save(db, changed, outcome, failure)
        return changed

    def has_job(self, delivery: Delivery, job_id: str) -> Delivery:
        """Keep the identifier of the job that Orthanc gave; it is reported with the end of the attempt."""
        with self._state.transaction() as db:
            db.execute("UPDATE delivery SET job_id = ? WHERE id = ?", (job_id, delivery.id))
        return replace(delivery, job_id=job_id)

    def release(self, destination: int) -> None:
        """The destination is back: whatever failed for want of an answer is due now."""
        with self._state.transaction() as db:
            db.execute(
                "UPDATE delivery SET next_attempt_at = NULL "
                "WHERE state = 'waiting' AND unreachable AND destination = ?",
                (destination,),
            )

    def get(self, ident: str) -> Delivery | None:
        found = self._select("id = ?", ident)
        return found[0] if found else None

    def of_study(self, study: str) -> list[Delivery]:
        return self._select("study = ?", study)

    def in_state(self, *states: str) -> list[Delivery]:
        marks = ", ".join("?" * len(states))
        return self._select(f"state IN ({marks}) ORDER BY created_at", *states)

    def live_of(self, destination: int) -> list[Delivery]:
        """What waits, is held or is being sent for one destination."""
        return self._select(
            "state IN ('waiting', 'held', 'sending') AND destination = ?", destination
        )

    def next_due(self, destination: int, now: float, horizon: float) -> Delivery | None:
        """The oldest delivery of a destination that may be sent now.

        Args:
            horizon: seconds; an appointment further away than any pause can be was made by a clock that has jumped since.
        """
        found = self._select(
            "state = 'waiting' AND destination = ? AND (next_attempt_at IS NULL OR next_attempt_at <= ? "
            "OR next_attempt_at > ?) ORDER BY created_at LIMIT 1",
            destination,
            now,
            now + horizon,
        )
        return found[0] if found else None

    def covered(self, study: str) -> dict[int, frozenset[str]]:
        """By destination, the instances of a study that need no further delivery."""
        covered: dict[int, set[str]] = {}
        for delivery in self.of_study(study):
            if delivery.state != "skipped" or delivery.reason in COVERING_REASONS_OF_SKIPPED:
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

    def _select(self, where: str, *parameters: Any) -> list[Delivery]:
        rows = self._state.read(f"SELECT * FROM delivery WHERE {where}", parameters)  # noqa: S608
        return [_from_row(row) for row in rows]


def _from_row(row: sqlite3.Row) -> Delivery:
    values = dict(row)
    values["rules"] = json.loads(values["rules"])
    values["unreachable"] = bool(values["unreachable"])
    return Delivery(**values)
