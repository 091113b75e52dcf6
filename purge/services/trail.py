"""What the audit trail says of runs: counts, never patients."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.audit import log
from orthanc_console.audit.models import AuditEvent
from orthanc_console.dashboard.wording import grouped
from purge.models import PurgeRun
from purge.models.run import Cause

SCHEDULER = "scheduler"
ENDED = "purge_run.ended"


def planned(run: PurgeRun) -> str:
    """How much the run is about; empty before it was planned."""
    if run.planned_at is None:
        return ""
    told = ngettext("%s study planned", "%s studies planned", run.planned_count)
    return told % grouped(run.planned_count)


def done(run: PurgeRun) -> str:
    """What the run has done so far."""
    parts = [
        _("deleted %s") % grouped(run.deleted_count),
        _("kept %s") % grouped(run.kept_count),
    ]
    if run.failed_count:
        parts.append(_("failed %s") % grouped(run.failed_count))
    return ", ".join(parts)


def record_end(run: PurgeRun) -> None:
    """Write once that a run is over which has deleted studies, however often its node reports it."""
    entries = AuditEvent.objects.filter(object_type="purgerun", object_id=str(run.pk), verb=ENDED)
    if run.open or not run.deleted_count or entries.exists():
        return
    by = run.node.name if run.cause == Cause.ENDPOINT else run.requested_by_name or SCHEDULER
    log.record(run.requested_by, ENDED, run, message=done(run), actor_name=by)
