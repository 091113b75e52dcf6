"""Whether a study may go, and if not, why. Pure: what it asks for comes from a `Study`, which looks it up when it is asked.

Whatever cannot be decided keeps the study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from purge.plugin.spec import BY_RECEPTION, RECEIVED, STUDY_DATE, Spec, real_date
from routing.conditions import MATCH, UNDECIDED, Condition
from routing.plugin.deliveries import Delivery, unpack
from routing.plugin.store import LIVE

# Reasons that only say that the run is not about the study; there may be very many of them.
UNCONCERNED = frozenset({"too_young", "no_match", "capped", "undated"})


@dataclass(frozen=True)
class Kept:
    """Why a study stays. `detail` is for people and names no patient."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Proof:
    """Since when a destination is known to have every image of the study; or what is in the way of that."""

    at: float | None
    problem: str = ""


class Study(Protocol):
    """What is asked about a study. All times are seconds since the epoch; None means unknown."""

    @property
    def ident(self) -> str: ...

    @property
    def study_date(self) -> str: ...

    @property
    def received_at(self) -> float | None: ...

    @property
    def updated_at(self) -> float | None: ...

    @property
    def stable(self) -> bool: ...

    @property
    def labels(self) -> frozenset[str] | None:
        """None when the server says nothing about labels."""

    @property
    def protected(self) -> bool: ...

    @property
    def awaits_rules(self) -> bool:
        """Whether the node's rules may still choose a destination for it."""

    @property
    def deliveries(self) -> Sequence[Delivery]: ...

    @property
    def elsewhere(self) -> str:
        """How its delivery by another Orthanc on the same index stands: `live`, `failed`, or empty."""

    def decide(self, condition: Condition) -> str:
        """What the condition says of it: `match`, `no_match` or `undecided`."""

    def proof(self, destination: int) -> Proof: ...


Check = Callable[[Spec, Study, float], "Kept | None"]


def judge(
    spec: Spec, study: Study, now: float, checks: Sequence[Check] | None = None
) -> Kept | None:
    """Why the study is kept; None if it may go. The cheapest questions come first, and the first that keeps it counts.

    Args:
        now: seconds since the epoch by the node's clock.
    """
    for check in ALL if checks is None else checks:
        if kept := check(spec, study, now):
            return kept
    return None


def age_key(spec: Spec, study: Study) -> float | str:
    """What the oldest comes first by. Comparable among the studies of one run."""
    if spec.basis == STUDY_DATE:
        return real_date(study.study_date) or "0"
    return study.updated_at or 0.0


def _age(spec: Spec, study: Study, now: float) -> Kept | None:
    if spec.basis == STUDY_DATE:
        day = real_date(study.study_date)
        if day:
            return Kept("too_young") if day > spec.last_date else None
        if spec.undated != BY_RECEPTION:
            return Kept("undated", "It has no study date that is a day of the calendar.")
    updated = study.updated_at
    if updated is None:
        return Kept("cannot_tell", "Orthanc does not tell when it was last changed.")
    if updated <= spec.cutoff:
        # It was received before it was changed last, so it is old enough either way.
        return None
    if spec.basis != RECEIVED and spec.basis != STUDY_DATE:
        return Kept("too_young")
    received = study.received_at
    if received is None:
        return Kept("cannot_tell", "Orthanc does not tell when it was received.")
    return Kept("too_young") if received > spec.cutoff else None


def _growing(spec: Spec, study: Study, now: float) -> Kept | None:
    if spec.only_live or study.stable:
        return None
    return Kept("growing", "Images of it may still be arriving.")


def _recent(spec: Spec, study: Study, now: float) -> Kept | None:
    if spec.min_age <= 0:
        return None
    updated = study.updated_at
    if updated is None:
        return Kept("cannot_tell", "Orthanc does not tell when its last image came.")
    if now - updated < spec.min_age:
        return Kept("recent", "Its last image came too short a time ago.")
    return None


def _label(spec: Spec, study: Study, now: float) -> Kept | None:
    if not spec.keep_labels:
        return None
    labels = study.labels
    if labels is None:
        # A server without labels cannot have labelled it; policies that read labels do not come this far there.
        return None if spec.only_live else Kept("cannot_tell", "Orthanc tells no labels.")
    found = sorted(labels & spec.keep_labels)
    return Kept("label", f"It has the label {', '.join(found)}.") if found else None


def _condition(spec: Spec, study: Study, now: float) -> Kept | None:
    if spec.condition is None:
        return None
    result = study.decide(spec.condition)
    if result == UNDECIDED:
        return Kept("undecided", "Something that the condition reads is missing in it.")
    return None if result == MATCH else Kept("no_match")


def _rules(spec: Spec, study: Study, now: float) -> Kept | None:
    if study.awaits_rules:
        return Kept("growing", "The forwarding rules have not decided about it yet.")
    return None


def _deliveries(spec: Spec, study: Study, now: float) -> Kept | None:
    deliveries = study.deliveries
    live = [d for d in deliveries if d.state in LIVE or d.check_at is not None]
    if live:
        return Kept("live_delivery", f"It is still being delivered to {_names(live)}.")
    if spec.only_live:
        return None
    if failed := unresolved(deliveries):
        return Kept("failed_delivery", f"Its delivery to {_names(failed)} failed.")
    forgotten = spec.failed_deliveries.get(study.ident, frozenset()) - {d.id for d in deliveries}
    if forgotten or study.ident in spec.failed_studies:
        return Kept("failed_delivery", "The console remembers that a delivery of it failed.")
    return None


def _elsewhere(spec: Spec, study: Study, now: float) -> Kept | None:
    if study.elsewhere == "live":
        return Kept("live_delivery", "An Orthanc on the same index still takes care of it.")
    if study.elsewhere == "failed" and not spec.only_live:
        return Kept("failed_delivery", "Another Orthanc on the same index could not deliver it.")
    return None


def unresolved(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Failed deliveries with images that no other delivery brought to the same destination."""
    found = []
    for delivery in deliveries:
        if delivery.state == "failed":
            others = (d for d in deliveries if d.destination == delivery.destination)
            brought = {i for other in others for i in unpack(other.sent)}
            if unpack(delivery.instances) - brought:
                found.append(delivery)
    return found


def _names(deliveries: Iterable[Delivery]) -> str:
    return ", ".join(sorted({delivery.destination_name for delivery in deliveries}))


def _protected(spec: Spec, study: Study, now: float) -> Kept | None:
    return Kept("protected", "Its patient is protected in Orthanc.") if study.protected else None


def _verified(spec: Spec, study: Study, now: float) -> Kept | None:
    for destination in spec.verified_at:
        proof = study.proof(destination)
        if proof.at is None:
            return Kept("not_verified", proof.problem)
    return None


# What a listing of Orthanc tells without a further question, and what it takes more to know.
AT_SIGHT: tuple[Check, ...] = (_age, _growing, _recent, _label)
CLOSER: tuple[Check, ...] = (
    *(_condition, _rules, _deliveries, _elsewhere),
    *(_protected, _verified),
)
ALL = (*AT_SIGHT, *CLOSER)
# Those that no destination is asked for: the last look before a study goes.
WITHOUT_PROOF = tuple(check for check in ALL if check is not _verified)
