"""What a node is told: its configuration when it changed, and the commands that wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Case, Q, QuerySet, When
from django.utils import timezone

from orthanc_console.agent.capabilities import capabilities
from orthanc_console.agent.messages import Incoming, SyncRequest
from orthanc_console.agent.waiting import Lookout, News
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from orthanc_console.version import PROTOCOL

# A command whose result is not there yet may still be carried out; after this its answer is taken as lost.
RESEND_AFTER = timedelta(seconds=10)
COMMANDS_PER_ANSWER = 100
# A node must not begin a purge before it has read that it was cancelled or changed, however much else was asked, and
# whether or not it got the answer before. So these come first, and in each answer until it says that they are done.
URGENT = ("purge_cancel", "purge_keep")


def wait_for_news(node: Node, request: SyncRequest) -> None:
    """Return when the configuration differs from the node's, a command waits, the time is up or the server stops."""
    news = _news([node.pk])
    if not news.asked and news.revision == request.config_revision and request.wait > 0:
        _lookout.wait(node.pk, request.config_revision, request.wait)


def compose(node: Node, request: SyncRequest, set_aside: list[Incoming]) -> dict[str, Any]:
    """The answer to a call whose events are stored."""
    # No command comes before the configuration that it was asked in; one that changes in between is sent once more, not missed.
    commands = _take_commands(node)
    revision = ConfigRevision.current()
    answer = {
        "protocol": PROTOCOL,
        "server_time": timezone.now().isoformat().replace("+00:00", "Z"),
        "config_revision": revision,
        "commands": commands,
        "set_aside": [{"id": str(event.id), "reason": event.problem} for event in set_aside],
    }
    if request.config_revision != revision:
        answer["config"] = config_for(node, revision)
    return answer


def config_for(node: Node, revision: int) -> dict[str, Any]:
    """All that concerns the node, put together from the capabilities."""
    config: dict[str, Any] = {
        "revision": revision,
        "node": {"id": node.pk, "name": node.name},
    }
    for capability in capabilities():
        config |= capability.config_for(node)
    return config


def _unfinished(nodes: Iterable[int]) -> QuerySet[Command]:
    wanted = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return Command.objects.filter(wanted, node__in=nodes, finished_at=None)


def _unsent() -> Q:
    return Q(sent_at=None) | Q(sent_at__lt=timezone.now() - RESEND_AFTER)


def _news(nodes: Iterable[int]) -> News:
    asked = (
        _unfinished(nodes).filter(_unsent()).order_by().values_list("node", flat=True).distinct()
    )
    return News(ConfigRevision.current(), frozenset(asked))


_lookout = Lookout(_news)


def _take_commands(node: Node) -> list[dict[str, Any]]:
    waiting = _unfinished([node.pk]).filter(_unsent() | Q(kind__in=URGENT))
    first = Case(When(kind__in=URGENT, then=0), default=1)
    commands = list(waiting.order_by(first, "created_at")[:COMMANDS_PER_ANSWER])
    if commands:
        sent = [command.pk for command in commands]
        Command.objects.filter(pk__in=sent).update(sent_at=timezone.now())
    return [command.as_message() for command in commands]
