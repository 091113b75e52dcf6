"""Stores what a node reports: all of it or nothing, each event once."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from orthanc_console.agent.capabilities import capabilities
from orthanc_console.agent.messages import Incoming, Result
from orthanc_console.agent.models import Event
from orthanc_console.nodes.models import Command, Node

NOTICE = "node.notice"


def store(node: Node, events: list[Incoming], results: list[Result]) -> list[Incoming]:
    """Store a batch; returns the events that were set aside, with their `problem`."""
    with transaction.atomic():
        # One batch of a node at a time: the same event in two calls is seen by the second. Not FOR UPDATE, which would
        # also wait for everything that merely refers to the node.
        Node.objects.select_for_update(no_key=True).get(pk=node.pk)
        fresh = _not_stored_before(events)
        _handle(node, fresh)
        _keep(node, fresh)
        _finish_commands(node, results)
    return [event for event in fresh if event.problem]


def _not_stored_before(events: list[Incoming]) -> list[Incoming]:
    by_id = {event.id: event for event in events}
    stored = Event.objects.filter(pk__in=by_id).values_list("pk", flat=True)
    for known in stored:
        del by_id[known]
    return sorted(by_id.values(), key=lambda event: event.seq)


def _handle(node: Node, events: list[Incoming]) -> None:
    handlers = {NOTICE: _accept}
    for capability in capabilities():
        handlers |= capability.EVENT_HANDLERS
    for event in events:
        if event.kind not in handlers and not event.problem:
            event.problem = f"This console does not know events of the kind “{event.kind}”."
    for kind, handle in handlers.items():
        mine = [event for event in events if event.kind == kind and not event.problem]
        if mine:
            handle(node, mine)


def _accept(node: Node, events: list[Incoming]) -> None:
    """A notice is only kept, for the node's page."""


def _keep(node: Node, events: list[Incoming]) -> None:
    now = timezone.now()
    rows = [
        Event(
            id=event.id,
            node=node,
            seq=event.seq,
            kind=event.kind,
            at=event.at,
            received_at=now,
            study_id=event.study_id,
            delivery_id=event.delivery_id,
            data=event.data,
            problem=event.problem,
        )
        for event in events
    ]
    Event.objects.bulk_create(rows, ignore_conflicts=True)


def _finish_commands(node: Node, results: list[Result]) -> None:
    by_id = {result.command: result for result in results}
    if not by_id:
        return
    commands = list(Command.objects.filter(node=node, pk__in=by_id, finished_at=None))
    for command in commands:
        result = by_id[command.pk]
        command.finished_at = timezone.now()
        command.ok = result.ok
        command.detail = result.detail
        command.result = result.data
    Command.objects.bulk_update(commands, ["finished_at", "ok", "detail", "result"])
