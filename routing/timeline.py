"""What happened to a study, newest first, from what its node reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orthanc_console.agent.models import Event
from routing.models import Study
from routing.models.delivery import State

LONGEST = 300


@dataclass(frozen=True)
class Moment:
    """One thing that happened.

    `kind` is `received`, `stable`, `rules`, `delivery` or `deleted`; `data` is the node's report of it: the counts of the
    study, the decisions of the rules, or the delivery as it was then. Times are by the node's clock.
    """

    at: datetime
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    delivery: uuid.UUID | None = None
    # What the same delivery went through before, newest first, where `folded` put it together.
    earlier: list[Moment] = field(default_factory=list)


def timeline(study: Study) -> list[Moment]:
    """The last 300 reports of a study as moments; of a delivery, only those in which its state changed."""
    events = list(study.events.filter(problem="").order_by("-seq")[:LONGEST])
    moments = list(_moments(reversed(events)))
    if study.received_at is not None:
        moments.insert(0, Moment(study.received_at, "received", {"source_aet": study.source_aet}))
    return moments[::-1]


def folded(moments: Iterable[Moment]) -> list[Moment]:
    """One moment for each delivery, its newest, which holds those before it; of moments that are newest first."""
    rows: list[Moment] = []
    newest: dict[uuid.UUID, Moment] = {}
    for moment in moments:
        known = newest.get(moment.delivery) if moment.delivery else None
        if known is not None:
            known.earlier.append(moment)
            continue
        rows.append(moment)
        if moment.delivery:
            newest[moment.delivery] = moment
    return rows


def _moments(events: Iterator[Event]) -> Iterator[Moment]:
    """Moments of events that come oldest first."""
    states: dict[uuid.UUID | None, Any] = {}
    for event in events:
        if event.kind == "study.stable":
            yield Moment(event.at, "stable", event.data.get("study") or {})
        elif event.kind == "study.deleted":
            yield Moment(event.at, "deleted")
        elif event.kind == "rules.evaluated":
            yield Moment(event.at, "rules", {"decisions": event.data.get("decisions") or []})
        elif event.kind == "delivery.changed":
            report = event.data.get("delivery") or {}
            changed = (report.get("state"), _attempt(report))
            if states.get(event.delivery_id) != changed:
                states[event.delivery_id] = changed
                yield Moment(event.at, "delivery", report, event.delivery_id)


def _attempt(report: dict[str, Any]) -> Any:
    """The number of the attempt, where it makes a difference: each try, each failure."""
    return report.get("attempts") if report.get("state") in (State.SENDING, State.WAITING) else None
