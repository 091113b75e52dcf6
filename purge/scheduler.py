"""What happens every minute: start what is due, end what nobody took, forget what is too old."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.keeping import retention
from orthanc_console.nodes.models import Node
from purge import schedule
from purge.models import PurgePolicy, SchedulerBeat
from purge.models.policy import Missed
from purge.services import policies, runs, waiting
from routing.models.rule import Enforcement

logger = logging.getLogger(__name__)

SILENT_AFTER = timedelta(minutes=3)
# A run that starts within this time after it was due is not late.
PUNCTUAL = timedelta(minutes=3)


def tick(now: datetime | None = None) -> None:
    """Do what is due. Never raises: what goes wrong is logged, and shown on the overview until a tick goes well."""
    now = now or timezone.now()
    problems = [
        *(_guarded(f"policy {p.pk}", partial(_start_due, p.pk, now)) for p in _scheduled()),
        _guarded("runs", lambda: runs.skip_untaken(now)),
        _guarded("retention", lambda: retention.tick(now)),
    ]
    error = " ".join(filter(None, problems))
    values = {"seen_at": now, "error": error}
    if error:
        values["failed_at"] = now
    SchedulerBeat.objects.update_or_create(pk=1, defaults=values)


def trouble() -> str:
    """What is wrong with the scheduler, in one sentence; empty when nothing is, or nothing has a schedule."""
    if not _scheduled():
        return ""
    beat = SchedulerBeat.objects.filter(pk=1).first()
    if beat is None:
        return _("The scheduler was never seen, so no purge runs by its schedule.")
    silence = timezone.now() - beat.seen_at
    if silence > SILENT_AFTER:
        minutes = int(silence.total_seconds() // 60)
        return _(
            "The scheduler was last seen %(n)d minutes ago, so no purge runs by its schedule."
        ) % {"n": minutes}
    if beat.error:
        return _("The scheduler fails: %(error)s") % {"error": beat.error}
    return ""


def _guarded(what: str, act: Callable[[], None]) -> str:
    try:
        act()
    except Exception as error:
        logger.exception("the scheduler failed at %s", what)
        return f"{what}: {type(error).__name__}: {error}"
    return ""


def _scheduled() -> list[PurgePolicy]:
    rows = PurgePolicy.objects.exclude(schedule="").exclude(enforcement=Enforcement.DISABLED)
    return list(rows)


def _start_due(policy_id: int, now: datetime) -> None:
    with transaction.atomic():
        policy = PurgePolicy.objects.select_for_update().get(pk=policy_id)
        if policy.enforcement == Enforcement.DISABLED or not policy.schedule:
            return
        since = policy.scheduled_until or policy.created_at
        if since > now:
            # The clock was ahead for a while, which must not stop the schedule until that time has come.
            policy.scheduled_until = now
            policy.save(update_fields=["scheduled_until"])
            return
        due_at = schedule.due(policy.schedule, policy.time_zone, since, now)
        if due_at is None:
            return
        policy.scheduled_until = due_at
        policy.save(update_fields=["scheduled_until"])
        for node in policies.concerned_nodes(policy):
            _start_on(policy, node, due_at, now)


def _start_on(policy: PurgePolicy, node: Node, due_at: datetime, now: datetime) -> None:
    late = now - due_at
    before = runs.open_run(policy, node)
    if before is not None:
        runs.skip(policy, node, due_at, _("The run before it was not over."))
    elif policy.enforcement == Enforcement.ACTIVE and (why := waiting.words()):
        runs.skip(policy, node, due_at, why)
    elif late > PUNCTUAL and policy.missed == Missed.SKIP:
        runs.skip(policy, node, due_at, _("The scheduler was not running when it was due."))
    elif late > PUNCTUAL:
        note = _("Started %(n)d minutes late: the scheduler was not running when it was due.")
        runs.start_scheduled(policy, node, due_at, note % {"n": late.total_seconds() // 60})
    else:
        runs.start_scheduled(policy, node, due_at)
