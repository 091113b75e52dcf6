"""Changing nodes, and asking them to do something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console import stopping
from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.borrowing import give_back_connection
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from purge.models import PurgePolicy

ANSWER_IS_LOOKED_FOR_EVERY = 0.1


@contextmanager
def changing_configuration() -> Iterator[None]:
    """A transaction that changes what nodes are told. One runs at a time, so that checks in it stay true.

    The revision grows when the block ends without an error.
    """
    with transaction.atomic():
        ConfigRevision.lock()
        yield
        ConfigRevision.bump()


@transaction.atomic
def create(actor: User | None, name: str, actor_name: str = "") -> tuple[Node, str]:
    """Make a node; returns it with its token, which cannot be had again.

    Raises:
        ValidationError: by field: the name is empty, too long or taken.
    """
    node = Node(name=name.strip())
    node.full_clean()
    node.save()
    secret = node.new_token()
    log.record(actor, "node.created", node, actor_name=actor_name)
    return node, secret


def rename(actor: User, node: Node, name: str) -> Node:
    """Give the node another name; rules that read `Node` see the new one.

    Raises:
        ValidationError: by field: the name is empty, too long or taken.
    """
    with changing_configuration():
        before = Node.objects.get(pk=node.pk).name
        node.name = name.strip()
        node.full_clean()
        node.save(update_fields=["name"])
        log.record(actor, "node.renamed", node, changes={"name": [before, node.name]})
    return node


@transaction.atomic
def new_token(actor: User | None, node: Node, actor_name: str = "") -> str:
    """Replace the node's token; returns the new secret. The old one stops at once."""
    secret = node.new_token()
    log.record(actor, "node.token_replaced", node, actor_name=actor_name)
    return secret


@transaction.atomic
def revoke_token(actor: User, node: Node) -> None:
    """Refuse the node from now on."""
    node.revoke_token()
    log.record(actor, "node.token_revoked", node)


def delete(actor: User, node: Node) -> None:
    """Delete the node with its studies, deliveries and events.

    Raises:
        ValidationError: a rule, a purge policy or a destination is limited to nodes and would, without this one, mean every node.
    """
    with changing_configuration():
        limited = _limited_to(node)
        if limited:
            raise ValidationError(
                _("Only this node uses %(names)s. Change or delete them first.")
                % {"names": ", ".join(limited)}
            )
        log.record(actor, "node.deleted", node)
        node.destinations.filter(source="orthanc").delete()
        node.delete()


def _limited_to(node: Node) -> list[str]:
    objects: list[Any] = [
        *node.rules.all(),
        *PurgePolicy.objects.filter(nodes=node),
        *node.webhook_targets.all(),
        *node.destinations.filter(source="console"),
    ]
    return [f"“{each}”" for each in objects if not each.nodes.exclude(pk=node.pk).exists()]


def ask(
    node: Node,
    kind: str,
    data: dict[str, Any],
    actor: User | None = None,
    expires: timedelta | None = None,
) -> Command:
    """Ask the node to do something once. It gets the command with its next call, even days later.

    Args:
        expires: after this nobody waits for the answer, and the node is not asked any more.
    """
    until = timezone.now() + expires if expires else None
    return Command.objects.create(
        node=node, kind=kind, data=data, created_by=actor, expires_at=until
    )


def wait_for(command: Command, seconds: float) -> Command:
    """Wait until the node answered, at most `seconds`; `finished_at` is None when it did not."""
    deadline = time.monotonic() + seconds
    while command.finished_at is None and time.monotonic() < deadline:
        give_back_connection()
        if stopping.pause(ANSWER_IS_LOOKED_FOR_EVERY):
            break
        command.refresh_from_db()
    return command
