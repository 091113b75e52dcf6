"""Echoes that failed and that nothing has outdated yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from orthanc_console.nodes.models import Command
from routing import explain
from routing.explain import Explanation
from routing.models import Destination

KNOWN_FOR = timedelta(days=1)


@dataclass(frozen=True)
class FailedEcho:
    """The last echo of a destination, which it did not answer as it should."""

    at: datetime
    said: str
    explanation: Explanation


def failed(destinations: Iterable[Destination]) -> dict[int, FailedEcho]:
    """By destination, its last echo of the last day if that failed and nothing was delivered there since; in one query.

    Args:
        destinations: with their lanes prefetched.
    """
    known = {each.pk: each for each in destinations}
    since = timezone.now() - KNOWN_FOR
    echoes = Command.objects.filter(kind="echo", created_at__gte=since, finished_at__isnull=False)
    last: dict[int, Command] = {}
    for command in echoes.select_related("node").order_by("created_at"):
        last[command.data.get("destination")] = command
    return {
        pk: _read(command, known[pk])
        for pk, command in last.items()
        if pk in known and not command.ok and not _outdated(command, known[pk])
    }


def _outdated(command: Command, destination: Destination) -> bool:
    asked = command.created_at
    return any(
        lane.last_success_at and lane.last_success_at > asked for lane in destination.lanes.all()
    )


def _read(command: Command, destination: Destination) -> FailedEcho:
    about = explain.about(command.node.status, destination)
    at = command.finished_at or command.created_at
    return FailedEcho(at, command.detail, explain.error(command.detail, about=about))
