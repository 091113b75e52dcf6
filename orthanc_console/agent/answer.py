"""What a node is told: its configuration when it changed, and the commands that wait for it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db.models import Exists, Q, QuerySet
from django.utils import timezone

from orthanc_console import stopping
from orthanc_console.agent.capabilities import capabilities
from orthanc_console.agent.messages import Incoming, SyncRequest
from orthanc_console.nodes.models import FIRST_REVISION, Command, ConfigRevision, Node
from orthanc_console.version import PROTOCOL

NEWS_IS_LOOKED_FOR_EVERY = 0.25
# A command whose result is not there yet may still be carried out; after this its answer is taken as lost.
RESEND_AFTER = timedelta(seconds=10)
COMMANDS_PER_ANSWER = 100


def wait_for_news(node: Node, request: SyncRequest) -> None:
    """Return when the configuration differs from the node's, a command waits, the time is up or the server stops."""
    deadline = time.monotonic() + request.wait
    while not _news(node, request):
        rest = deadline - time.monotonic()
        if rest <= 0 or stopping.pause(min(NEWS_IS_LOOKED_FOR_EVERY, rest)):
            return


def compose(node: Node, request: SyncRequest, set_aside: list[Incoming]) -> dict[str, Any]:
    """The answer to a call whose events are stored."""
    # The revision is read before the configuration: one that changes in between is then sent once more, not missed.
    revision = ConfigRevision.current()
    answer = {
        "protocol": PROTOCOL,
        "server_time": timezone.now().isoformat().replace("+00:00", "Z"),
        "config_revision": revision,
        "commands": _take_commands(node),
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


def _waiting_commands(node: Node) -> QuerySet[Command]:
    now = timezone.now()
    return Command.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        Q(sent_at=None) | Q(sent_at__lt=now - RESEND_AFTER),
        node=node,
        finished_at=None,
    )


def _news(node: Node, request: SyncRequest) -> bool:
    waiting = _waiting_commands(node)
    row = ConfigRevision.objects.filter(pk=1).values_list("number", Exists(waiting)).first()
    revision, asked = row or (FIRST_REVISION, waiting.exists())
    return bool(asked) or revision != request.config_revision


def _take_commands(node: Node) -> list[dict[str, Any]]:
    commands = list(_waiting_commands(node)[:COMMANDS_PER_ANSWER])
    if commands:
        sent = [command.pk for command in commands]
        Command.objects.filter(pk__in=sent).update(sent_at=timezone.now())
    return [command.as_message() for command in commands]
