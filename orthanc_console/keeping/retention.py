"""Removes history that is older than the settings say: once a day, in small steps between which others get their turn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.keeping.kinds import KINDS, Rows, days
from orthanc_console.keeping.models import RetentionSettings

EVERY = timedelta(days=1)
# The scheduler has other things to do, too: what is left goes on with its next tick.
SECONDS = 20.0
LOOKED_UP, DELETED_AT_ONCE = 20_000, 500
LONGEST_REST = 0.5
# After a crash somebody else goes on.
LEASE = timedelta(minutes=5)
FIELDS = tuple(f.name for f in RetentionSettings._meta.fields if f.name.endswith("_days"))
SCHEDULER = "scheduler"


def save_settings(actor: User, settings: RetentionSettings) -> RetentionSettings:
    """Save for how long history is kept.

    Raises:
        ValidationError: field -> messages.
    """
    settings.pk = 1
    settings.full_clean(validate_unique=False)
    with transaction.atomic():
        stored, _made = RetentionSettings.objects.select_for_update().get_or_create(pk=1)
        before = log.snapshot(stored, FIELDS)
        for name in FIELDS:
            setattr(stored, name, getattr(settings, name))
        stored.save(update_fields=FIELDS)
        changes = log.difference(before, log.snapshot(stored, FIELDS))
        log.record(actor, "retention.changed", stored, changes=changes)
    return stored


def tick(now: datetime) -> None:
    """Remove for some seconds what is old, unless this was done today or somebody else is at it."""
    settings, _made = RetentionSettings.objects.get_or_create(pk=1)
    if settings.finished_at is not None and abs(now - settings.finished_at) < EVERY:
        return
    own = RetentionSettings.objects.filter(pk=1)
    free = Q(busy_until=None) | Q(busy_until__lt=now) | Q(busy_until__gt=now + LEASE)
    if not own.filter(free).update(busy_until=now + LEASE):
        return
    removed = Counter(settings.removed_so_far)
    if _remove(settings, now, removed):
        own.update(finished_at=now, removed=removed, removed_so_far={}, busy_until=None)
        _record(removed)
    else:
        own.update(removed_so_far=removed, busy_until=None)


def _remove(settings: RetentionSettings, now: datetime, removed: Counter[str]) -> bool:
    """Whether nothing is left."""
    deadline = time.monotonic() + SECONDS
    for kind in KINDS:
        kept = days(settings, kind)
        if kept is None:
            continue
        for rows in kind.old(now - timedelta(days=kept)):
            for count in _delete(rows):
                removed[kind.name] += count
                if time.monotonic() > deadline:
                    return False
    return True


def _delete(rows: Rows) -> Iterator[int]:
    """Delete some rows at a time; yields how many."""
    found = LOOKED_UP
    while found == LOOKED_UP:
        keys = list(rows.order_by().values_list("pk", flat=True)[:LOOKED_UP])
        found = len(keys)
        for start in range(0, found, DELETED_AT_ONCE):
            began = time.monotonic()
            # Asked again: one may have come to life since it was looked up.
            chosen = rows.filter(pk__in=keys[start : start + DELETED_AT_ONCE])
            _all, by_model = chosen.order_by().delete()
            yield by_model.get(rows.model._meta.label, 0)
            time.sleep(min(time.monotonic() - began, LONGEST_REST))


def _record(removed: Counter[str]) -> None:
    if total := sum(removed.values()):
        counts = ", ".join(f"{name} {count}" for name, count in sorted(removed.items()) if count)
        message = f"Removed {total} rows of old history: {counts}."
        log.record(None, "retention.removed", actor_name=SCHEDULER, message=message)
