"""Events of routing on their way into the tables: studies, decisions of rules, deliveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q

from orthanc_console.agent import reading
from orthanc_console.agent.messages import Incoming
from orthanc_console.agent.reading import BadData
from orthanc_console.nodes.models import Node
from routing.agent.deliveries import take_deliveries
from routing.agent.studies import links_to_studies, orthanc_id, take_studies
from routing.models import Rule, Study


def studies_stable(node: Node, events: list[Incoming]) -> None:
    """`study.stable`: create or update the studies; the newest report of each counts."""
    take_studies(node, events)


def studies_deleted(node: Node, events: list[Incoming]) -> None:
    """`study.deleted`: keep the study for its history, and note when it went."""
    ids = _each(events, lambda event: orthanc_id(event.data))
    links = links_to_studies(node, ids.values())
    for event in sorted(_usable(events), key=lambda event: event.seq):
        event.study_id = links[ids[id(event)]]
        # A purge may have told when exactly.
        known = Study.objects.filter(pk=event.study_id, deleted_at=None, last_seq__lt=event.seq)
        known.update(deleted_at=event.at, last_seq=event.seq)


def rules_evaluated(node: Node, events: list[Incoming]) -> None:
    """`rules.evaluated`: link the decisions to the study, and note when a rule last matched."""
    matched: dict[int, Any] = {}

    def read(event: Incoming) -> str:
        for decision in reading.mappings(event.data, "decisions"):
            rule = reading.number(decision, "rule", reading.LARGEST_NUMBER)
            if reading.text(decision, "result", 20) == "match" and rule is not None:
                matched[rule] = max(event.at, matched.get(rule, event.at))
        return orthanc_id(event.data)

    ids = _each(events, read)
    links = links_to_studies(node, ids.values())
    for event in _usable(events):
        event.study_id = links[ids[id(event)]]
    # Always in the same order, so that batches of two nodes do not wait for each other in a circle.
    for rule, at in sorted(matched.items()):
        older = Q(last_matched_at=None) | Q(last_matched_at__lt=at)
        Rule.objects.filter(older, pk=rule).update(last_matched_at=at)


def _each(events: Iterable[Incoming], read: Callable[[Incoming], str]) -> dict[int, str]:
    """Read every event; what cannot be read gets its problem and no entry."""
    values = {}
    for event in events:
        try:
            values[id(event)] = read(event)
        except BadData as error:
            event.problem = str(error)
    return values


def _usable(events: Iterable[Incoming]) -> list[Incoming]:
    return [event for event in events if not event.problem]


EVENT_HANDLERS = {
    "study.stable": studies_stable,
    "study.deleted": studies_deleted,
    "rules.evaluated": rules_evaluated,
    "delivery.changed": take_deliveries,
}
