"""A delivery and a job as the plugin keeps them. Pure: no I/O."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orthanc_console.plugin import clock
from routing.plugin.retry import Failure

# Seconds by which a delivery goes before, or lets go, those of its lane that came at the same time. It ages like the others,
# so that nothing starves.
PRIORITY = {"urgent": -3600.0, "normal": 0.0, "low": 3600.0}

REPORTED = (
    *("id", "study", "destination", "destination_name", "rules", "cause", "state", "reason"),
    *("instance_count", "delivered_count", "attempts", "last_error"),
)
REPORTED_TIMES = ("next_attempt_at", "created_at", "delivered_at", "verified_at")
IDENTIFIER_BYTES = 20


def pack(instances: Iterable[str]) -> bytes:
    """Orthanc's identifiers (SHA-1 in hexadecimal with hyphens) in 20 bytes each, in a stable order."""
    return b"".join(sorted(bytes.fromhex(i.replace("-", "")) for i in instances))


def unpack(blob: bytes) -> set[str]:
    """The identifiers that were packed."""
    texts = (piece.hex() for piece in pieces(blob))
    return {f"{t[:8]}-{t[8:16]}-{t[16:24]}-{t[24:32]}-{t[32:]}" for t in texts}


def pieces(blob: bytes) -> set[bytes]:
    """The identifiers as they are packed, where nobody has to read them."""
    step = IDENTIFIER_BYTES
    return {blob[n : n + step] for n in range(0, len(blob), step)}


def join(identifiers: Iterable[bytes]) -> bytes:
    """The reverse of `pieces`."""
    return b"".join(sorted(identifiers))


@dataclass(frozen=True)
class Delivery:
    """A set of instances of one study for one destination. Times are seconds since the epoch."""

    study: str
    destination: int
    destination_name: str
    instances: bytes
    rules: list[dict[str, Any]] = field(default_factory=list)
    cause: str = "rule"
    state: str = "waiting"
    reason: str = ""
    # Those of `instances` that a job has delivered, and how many are neither delivered nor in a job.
    sent: bytes = b""
    unassigned: int = 0
    attempts: int = 0
    next_attempt_at: float | None = None
    # Its place in the queue: the smallest goes first.
    turn_at: float = field(default_factory=clock.now)
    last_error: str = ""
    # The last failure was of the connection, so the answer of a probe is worth another try at once.
    unreachable: bool = False
    # Since the last success: when it failed first, and how often.
    first_failed_at: float | None = None
    failures: int = 0
    created_at: float = field(default_factory=clock.now)
    delivered_at: float | None = None
    verified_at: float | None = None
    # Orthanc could not send its transfer syntaxes in one job, so each goes in a job of its own.
    split: bool = False
    # It may have come from the destination, which is asked before anything is sent.
    ask_first: bool = False
    # When the destination is asked whether it has everything, how often it was, and how often something was missing.
    check_at: float | None = None
    checks: int = 0
    repairs: int = 0
    # Position in Orthanc's change log from which this delivery can be found again.
    seen_seq: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def instance_count(self) -> int:
        return len(self.instances) // IDENTIFIER_BYTES

    @property
    def delivered_count(self) -> int:
        return len(self.sent) // IDENTIFIER_BYTES

    def remaining(self) -> set[str]:
        """What no job has delivered yet."""
        return unpack(self.instances) - unpack(self.sent)

    def as_report(self, attempt: dict[str, Any] | None) -> dict[str, Any]:
        """DELIVERY of docs/protocol.md."""
        report: dict[str, Any] = {name: getattr(self, name) for name in REPORTED}
        report |= {name: clock.iso(getattr(self, name)) for name in REPORTED_TIMES}
        return {"delivery": {**report, "attempt": attempt}}


@dataclass(frozen=True)
class Job:
    """One attempt: some of a delivery's instances in one job of Orthanc."""

    delivery: str
    destination: int
    number: int
    instances: bytes
    started_at: float
    # Orthanc's identifier, empty until Orthanc has given it.
    job_id: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def instance_count(self) -> int:
        return len(self.instances) // IDENTIFIER_BYTES

    def as_report(self, outcome: str, failure: Failure | None = None) -> dict[str, Any]:
        """The attempt of docs/protocol.md; `outcome` is `running`, `succeeded`, `failed` or `lost`."""
        return {
            "number": self.number,
            "instance_count": self.instance_count,
            "started_at": clock.iso(self.started_at),
            "finished_at": None if outcome == "running" else clock.iso(clock.now()),
            "job_id": self.job_id,
            "outcome": outcome,
            "error": failure.text if failure else "",
            "error_code": failure.code if failure else None,
            "permanent": bool(failure and failure.permanent),
        }


@dataclass(frozen=True)
class Flight:
    """What one job of Orthanc carries: a part of one delivery, or several small deliveries to one destination."""

    jobs: tuple[Job, ...]

    @property
    def id(self) -> str:
        return self.jobs[0].id

    @property
    def destination(self) -> int:
        return self.jobs[0].destination

    @property
    def job_id(self) -> str:
        return self.jobs[0].job_id

    @property
    def started_at(self) -> float:
        return self.jobs[0].started_at

    @property
    def instance_count(self) -> int:
        return sum(job.instance_count for job in self.jobs)


def flights(jobs: Iterable[Job]) -> list[Flight]:
    """Jobs that share a job of Orthanc, together; one of which Orthanc gave no identifier is alone."""
    together: dict[str, list[Job]] = {}
    for job in jobs:
        together.setdefault(job.job_id or job.id, []).append(job)
    return [Flight(tuple(group)) for group in together.values()]


def fair_share(waiting: int, workers: int) -> int:
    """How many of the small deliveries that wait go in one job, so that all workers have some to the end of the queue."""
    return math.ceil(waiting / (2 * workers))


def together(candidates: Sequence[Delivery], share: int, least: int, most: int) -> list[Delivery]:
    """Those of the small deliveries at the front of a queue that go in one job.

    Args:
        candidates: in their order, at least one.
        share: see `fair_share`.
        least: so many instances may go in any case.
        most: the most instances; the first delivery goes even if it has more.
    """
    chosen = [candidates[0]]
    count = candidates[0].instance_count
    for delivery in candidates[1:]:
        count += delivery.instance_count
        if count > most or (len(chosen) >= share and count > least):
            break
        chosen.append(delivery)
    return chosen
