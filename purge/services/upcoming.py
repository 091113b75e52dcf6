"""What purging does next, for the overview."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.dashboard import wording
from purge.models import PurgePolicy, PurgeRun
from purge.models.run import State
from purge.services import waiting
from purge.services.policies import next_runs
from routing.models.rule import Enforcement

SHOWN = 5


class Coming(NamedTuple):
    """One thing that happens by itself unless somebody stops it."""

    at: datetime
    sentence: str
    url: str


def upcoming() -> list[Coming]:
    """Planned runs that wait out their hold, and the next run of each policy with a schedule, the soonest first."""
    return sorted([*_held(), *_scheduled()])[:SHOWN]


def _held() -> list[Coming]:
    runs = PurgeRun.objects.filter(state=State.HELD, hold_until__isnull=False, cancelling="")
    return [
        Coming(run.hold_until, _held_sentence(run), reverse("purge", args=(run.pk,)))
        for run in runs.select_related("node").order_by("hold_until")[:SHOWN]
        if run.hold_until
    ]


def _held_sentence(run: PurgeRun) -> str:
    unapproved = run.needs_approval and run.approved_at is None
    if not unapproved and run.hold_until and run.hold_until < timezone.now():
        told = _(
            "%(policy)s should have begun to delete %(count)s studies; %(node)s has not reported"
        )
    elif unapproved:
        told = _("%(policy)s may delete %(count)s studies on %(node)s, once somebody else approves")
    else:
        told = _("%(policy)s deletes %(count)s studies on %(node)s, unless it is cancelled")
    return told % {
        "policy": run.policy_name,
        "count": wording.grouped(run.planned_count),
        "node": run.node,
    }


def _scheduled() -> list[Coming]:
    policies = PurgePolicy.objects.exclude(schedule="")
    if waiting.waits():
        policies = policies.exclude(enforcement=Enforcement.ACTIVE)
    return [
        Coming(at, _scheduled_sentence(policy), reverse("policy", args=(policy.pk,)))
        for policy in policies
        for at in next_runs(policy, 1)
    ]


def _scheduled_sentence(policy: PurgePolicy) -> str:
    if policy.enforcement == "dry_run":
        return _("%(policy)s shows what it would delete") % {"policy": policy.name}
    return _("%(policy)s looks for studies to delete") % {"policy": policy.name}
