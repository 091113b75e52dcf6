"""Writing to the audit trail: explicit calls, never signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from orthanc_console.middleware import request_id

Changes = dict[str, list[Any]]
ACCOUNT_TYPES = ("user", "apitoken")


def record(
    actor: User | None,
    verb: str,
    obj: Model | None = None,
    *,
    message: str = "",
    changes: Changes | None = None,
    actor_name: str = "",
) -> AuditEvent:
    """Add one event.

    Args:
        actor: the user who acted; None for a node, a command line or the scheduler, which `actor_name` then names.
        verb: what was done, for example `rule.created`.
        obj: what it was done to.
        message: one sentence for people; without patient data.
        changes: field -> [before, after]; secrets must be masked already (see `difference`).
    """
    return AuditEvent.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else actor_name,
        verb=verb,
        object_type=obj._meta.model_name or "" if obj else "",
        object_id=str(obj.pk) if obj else "",
        object_name=str(obj)[:200] if obj else "",
        message=message,
        changes=changes or {},
        request_id=request_id.get(),
    )


def visible_to(user: User) -> QuerySet[AuditEvent]:
    """The events that the user may read: what concerns accounts is for administrators and for those who did it."""
    events = AuditEvent.objects.all()
    if user.is_admin:
        return events
    return events.filter(~Q(object_type__in=ACCOUNT_TYPES) | Q(actor=user))


def snapshot(obj: Model, fields: Iterable[str], secret: Iterable[str] = ()) -> dict[str, Any]:
    """The values of `fields` as JSON can hold them; those named in `secret` only as a marker that changes with them."""
    encoder = DjangoJSONEncoder()
    values: dict[str, Any] = {}
    for field in fields:
        value = getattr(obj, field)
        if hasattr(value, "all"):
            value = sorted(str(related) for related in value.all())
        elif isinstance(value, Model):
            value = str(value)
        elif not isinstance(value, str | int | float | bool | list | dict | None):
            value = encoder.default(value)
        values[field] = value
    for field in secret:
        values[field] = _Secret(getattr(obj, field))
    return values


def difference(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """What changed between two snapshots; a secret shows only that it changed."""
    changes: Changes = {}
    for field in before.keys() | after.keys():
        old, new = before.get(field), after.get(field)
        if old != new:
            changes[field] = [str(v) if isinstance(v, _Secret) else v for v in (old, new)]
    return dict(sorted(changes.items()))


class _Secret:
    """Compares by value, prints as dots."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return "••••••" if self.value else ""
