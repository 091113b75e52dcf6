"""Cancelling runs: by hand, and because what they were begun for does not hold any more."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Command
from purge.models import PurgePolicy, PurgeRun
from purge.models.run import OPEN_STATES, State
from purge.services import trail


def cancel(actor: User, run: PurgeRun, why: str = "") -> Command:
    """Ask the node to end a run that is not over; one that it has not taken yet ends here and now.

    Args:
        run: as the locked row says, so that no report of its node comes in between.
        why: what follows "because"; empty when somebody just wanted it.
    """
    names = {"name": actor.get_username(), "why": why}
    words = _("Cancelled by %(name)s, because %(why)s.") if why else _("Cancelled by %(name)s.")
    with transaction.atomic():
        _waiting_command(run).update(expires_at=timezone.now())
        run.cancelling = run.detail = words % names
        if run.state == State.REQUESTED:
            run.state, run.finished_at = State.CANCELLED, timezone.now()
        run.save(update_fields=["state", "finished_at", "detail", "cancelling"])
        message = _("cancelled, because %(why)s") % names if why else ""
        so_far = trail.done(run) if run.state == State.RUNNING else trail.planned(run)
        message = "; ".join(filter(None, [message, so_far]))
        log.record(actor, "purge_run.cancelled", run, message=message)
        data = {"run": str(run.pk), "by": actor.get_username(), "why": run.cancelling}
        return nodes_services.ask(run.node, "purge_cancel", data, actor)


def cancel_all(actor: User, policy: PurgePolicy, why: str) -> int:
    """Cancel every run of the policy that is not over; returns how many."""
    runs = policy.runs.filter(state__in=OPEN_STATES, cancelling="").select_for_update()
    for run in runs:
        cancel(actor, run, why)
    return len(runs)


def _waiting_command(run: PurgeRun) -> Any:
    waiting = Command.objects.filter(node=run.node, kind="purge_run", finished_at=None)
    return waiting.filter(data__run=str(run.pk))
