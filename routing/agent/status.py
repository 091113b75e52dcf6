"""What a node says of itself that concerns routing: the destinations that its Orthanc has, and its lanes."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from orthanc_console.agent import reading
from orthanc_console.agent.reading import BadData
from orthanc_console.audit import log
from orthanc_console.nodes.models import ConfigRevision, Node
from routing.models import Destination, Lane
from routing.models.destination import Kind, Source

FOUND_AS = ("aet", "host", "port", "url", "username")
LANE_FIELDS = (
    *("state", "breaker", "waiting", "in_flight", "progress", "next_attempt_at"),
    *("last_success_at", "last_error", "problem", "updated_at"),
)
LONGEST_ERROR = 4000
# As many as `max_in_flight` of a destination can be.
MOST_JOBS = 16

Found = dict[tuple[str, str], dict[str, Any]]


def receive_status(node: Node, status: dict[str, Any]) -> list[str]:
    """Take the lists `discovered` and `lanes`; returns sentences about entries that are not understood."""
    doubts: list[str] = []
    if _is_new(node, status, "discovered"):
        _take_discovered(node, _read_discovered(status, doubts))
    if _is_new(node, status, "lanes"):
        _take_lanes(node, _read_lanes(node, status, doubts))
    return doubts


def _is_new(node: Node, status: dict[str, Any], name: str) -> bool:
    return name in status and status[name] != node.status.get(name)


def _read_discovered(status: dict[str, Any], doubts: list[str]) -> Found:
    found: Found = {}
    for entry in _entries(status, "discovered", doubts):
        try:
            kind = reading.needed_text(entry, "kind", 10)
            if kind not in Kind.values:
                raise BadData(f"There is no kind of destination “{kind}”.")
            found[kind, reading.needed_text(entry, "name", 64)] = {
                "aet": reading.text(entry, "aet", 16),
                "host": reading.text(entry, "host", 255),
                "port": reading.number(entry, "port", 65535),
                "url": reading.text(entry, "url", 500),
                "username": reading.text(entry, "username", 100),
            }
        except BadData as error:
            doubts.append(f"A destination of Orthanc is left out. {error}")
    return found


def _entries(status: dict[str, Any], name: str, doubts: list[str]) -> list[dict[str, Any]]:
    try:
        return reading.mappings(status, name)
    except BadData as error:
        doubts.append(str(error))
        return []


@transaction.atomic
def _take_discovered(node: Node, found: Found) -> None:
    ConfigRevision.lock()
    stored = {
        (each.kind, each.name): each
        for each in Destination.objects.filter(source=Source.ORTHANC, nodes=node)
    }
    changed = False
    for key, values in found.items():
        changed |= _take_one(node, stored.get(key), key, values)
    for key, destination in stored.items():
        if key not in found and destination.gone_at is None:
            destination.gone_at = timezone.now()
            destination.save(update_fields=["gone_at"])
            log.record(None, "destination.gone", destination, actor_name=node.name)
            changed = True
    if changed:
        ConfigRevision.bump()


def _take_one(
    node: Node, stored: Destination | None, key: tuple[str, str], values: dict[str, Any]
) -> bool:
    if stored is None:
        kind, name = key
        created = Destination.objects.create(kind=kind, name=name, source=Source.ORTHANC, **values)
        created.nodes.add(node)
        log.record(None, "destination.found", created, actor_name=node.name)
        return True
    before = log.snapshot(stored, FOUND_AS)
    if before == values and stored.gone_at is None:
        return False
    verb = "destination.changed" if stored.gone_at is None else "destination.returned"
    for field, value in values.items():
        setattr(stored, field, value)
    stored.gone_at = None
    stored.save(update_fields=[*FOUND_AS, "gone_at"])
    changes = log.difference(before, values)
    log.record(None, verb, stored, changes=changes, actor_name=node.name)
    return True


def _read_lanes(node: Node, status: dict[str, Any], doubts: list[str]) -> list[Lane]:
    lanes: dict[int, Lane] = {}
    for entry in _entries(status, "lanes", doubts):
        try:
            destination = reading.number(entry, "destination", reading.LARGEST_NUMBER)
            state = reading.text(entry, "state", 10)
            if destination is None or state not in Lane.State.values:
                raise BadData(f"“{state}” is no state of a lane, or its destination is missing.")
            lanes[destination] = Lane(
                node=node,
                destination_id=destination,
                state=state,
                breaker=_breaker(entry),
                progress=_progress(entry),
                waiting=reading.count(entry, "waiting"),
                in_flight=reading.count(entry, "in_flight"),
                next_attempt_at=reading.moment(entry, "next_attempt_at"),
                last_success_at=reading.moment(entry, "last_success_at"),
                last_error=reading.text(entry, "last_error", LONGEST_ERROR),
                problem=reading.text(entry, "problem", LONGEST_ERROR),
            )
        except BadData as error:
            doubts.append(f"A lane is left out. {error}")
    known = Destination.objects.filter(pk__in=lanes).values_list("pk", flat=True)
    return [lanes[pk] for pk in known]


def _breaker(entry: dict[str, Any]) -> str:
    breaker = reading.text(entry, "breaker", 10) or "closed"
    if breaker not in ("open", "closed"):
        raise BadData(f"“{breaker}” is no state of a breaker.")
    return breaker


def _progress(entry: dict[str, Any]) -> list[int]:
    percents = entry.get("progress") or []
    if not isinstance(percents, list) or not all(
        type(each) is int and 0 <= each <= 100 for each in percents
    ):
        raise BadData("“progress” is not a list of percents.")
    return percents[:MOST_JOBS]


@transaction.atomic
def _take_lanes(node: Node, lanes: list[Lane]) -> None:
    # Two calls of one node at once would else insert the same lane in another order.
    Node.objects.select_for_update(no_key=True).get(pk=node.pk)
    kept = [lane.destination_id for lane in lanes]
    Lane.objects.filter(node=node).exclude(destination__in=kept).delete()
    Lane.objects.bulk_create(
        lanes,
        update_conflicts=True,
        unique_fields=["node", "destination"],
        update_fields=LANE_FIELDS,
    )
