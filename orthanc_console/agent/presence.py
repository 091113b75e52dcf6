"""Who calls: notes that a node is there, refuses two Orthancs with one token, keeps what a node says of itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from orthanc_console.agent.capabilities import capabilities
from orthanc_console.agent.messages import SyncRequest
from orthanc_console.nodes.models import Command, Node

# An Orthanc that was silent for so long is taken to be gone, and another may take its place.
HEARD_LATELY = timedelta(seconds=60)
LARGEST_CLOCK_DIFFERENCE = timedelta(seconds=60)
CONFLICT_IS_SHOWN_FOR = timedelta(minutes=10)
MOST_WARNINGS = 50


class Conflict(Exception):
    """Another Orthanc uses the token; the message is a sentence."""


def admit(node: Node, request: SyncRequest) -> None:
    """Note that the node called.

    Raises:
        Conflict: another state file, or a process that was replaced by a newer one, uses the token.
    """
    if not _noted(node, request):
        Node.objects.filter(pk=node.pk).update(conflict_at=timezone.now())
        raise Conflict(
            f"Another Orthanc uses the token of the node “{node.name}”. Each needs a node and a token of its own."
        )


@transaction.atomic
def _noted(node: Node, request: SyncRequest) -> bool:
    stored = Node.objects.select_for_update(no_key=True).get(pk=node.pk)
    now = timezone.now()
    heard = stored.last_seen_at is not None and now - stored.last_seen_at < HEARD_LATELY
    if heard and _another(stored, request):
        return False
    fields: dict[str, Any] = {
        "last_seen_at": now,
        "config_revision": request.config_revision or 0,
    }
    instance = request.instance or stored.instance
    if request.boot != stored.boot or instance != stored.instance:
        previous = stored.boot
        fields |= {"instance": instance, "boot": request.boot, "previous_boot": previous}
        # What the old process did not finish, the new one is asked at once.
        Command.objects.filter(node=node, finished_at=None).update(sent_at=None)
    Node.objects.filter(pk=node.pk).update(**fields)
    return True


def _another(stored: Node, request: SyncRequest) -> bool:
    if stored.instance and request.instance and request.instance != stored.instance:
        return True
    return request.boot != stored.boot and request.boot == stored.previous_boot


def warn_of_protocol(node: Node, message: str) -> None:
    """Say on the node's page why it is not online, until it can be understood again."""
    words = f"{message} Until then it forwards by the configuration that it has, and keeps what happens."
    warnings = [{"code": "other_protocol", "message": words}]
    if node.warnings != warnings:
        Node.objects.filter(pk=node.pk).update(warnings=warnings)


def take_status(node: Node, request: SyncRequest) -> None:
    """Keep what the node says of itself; what of it is not understood becomes a warning on its page."""
    status = request.status
    if not status:
        return
    doubts = [each for part in capabilities() for each in part.receive_status(node, status)]
    warnings = _warnings(status.pop("warnings", None))
    warnings += [{"code": "status_not_understood", "message": doubt} for doubt in doubts]
    warnings += _clock_warning(request) + _conflict_warning(node)
    changes: dict[str, Any] = {
        "status": {**node.status, **status},
        "warnings": warnings,
        "orthanc_version": _text(status.get("orthanc_version")) or node.orthanc_version,
        "plugin_version": _text(status.get("plugin_version")) or node.plugin_version,
    }
    changed = {name: new for name, new in changes.items() if getattr(node, name) != new}
    if changed:
        Node.objects.filter(pk=node.pk).update(**changed)


def _warnings(reported: object) -> list[dict[str, str]]:
    if not isinstance(reported, list):
        return []
    return [
        {"code": _text(each.get("code")), "message": _text(each.get("message"), 1000)}
        for each in reported[:MOST_WARNINGS]
        if isinstance(each, dict)
    ]


def _clock_warning(request: SyncRequest) -> list[dict[str, str]]:
    if request.sent_at is None:
        return []
    difference = timezone.now() - request.sent_at
    if abs(difference) < LARGEST_CLOCK_DIFFERENCE:
        return []
    seconds = abs(round(difference.total_seconds()))
    return [
        {
            "code": "clock",
            "message": f"The clocks of Orthanc and of this console differ by {seconds} s. Times of Orthanc are shown as "
            "it gives them; let both follow a time server.",
        }
    ]


def _conflict_warning(node: Node) -> list[dict[str, str]]:
    if node.conflict_at is None or timezone.now() - node.conflict_at > CONFLICT_IS_SHOWN_FOR:
        return []
    return [
        {
            "code": "token_used_twice",
            "message": "A second Orthanc calls with the token of this node and is refused. Give it a node of its own.",
        }
    ]


def _text(value: object, longest: int = 32) -> str:
    return value[:longest] if isinstance(value, str) else ""
