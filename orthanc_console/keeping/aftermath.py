"""What has to be said after a restore, because nodes have gone on meanwhile.

A backup is of yesterday, and its nodes are of today: they know numbers that this database will give out again, have carried
out commands that it takes to be waiting, and have reported what it never heard of.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone

from intercept.models import WebhookTarget
from orthanc_console.audit.models import AuditEvent
from orthanc_console.keeping.databases import continue_numbering
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from purge.models import PurgePolicy, PurgeRun, PurgeSettings
from purge.models.run import OPEN_STATES, State
from routing.models import Destination, Rule, Study
from routing.models.rule import Enforcement

# Nodes keep these numbers: one that was given to something made after the backup must never mean another thing.
TOLD_TO_NODES: tuple[type[Model], ...] = (Destination, Node, PurgePolicy, Rule, WebhookTarget)
FEWEST_LEFT_OUT = 1000
# Clocks of nodes may differ from the console's.
MARGIN = timedelta(hours=1)
REPORT_AGAIN = ("report_again", "purge_report_again")
LOOK_FOR, MOST_STUDIES = "look_for_studies", 500
UNKNOWN = (
    "The console was restored from a backup while this was not finished. Whether the node carried it out since is not known, and "
    "it is not asked again."
)
RUN_ENDED = "Cancelled, because the console was restored from a backup."


def settle(alias: str, made_at: datetime, version: str, keep_purging: bool = False) -> list[str]:
    """Prepare a restored database for nodes that have gone on since.

    Args:
        alias: of the connection to it.
        made_at: when the backup was made.
        version: of the console that made it.
        keep_purging: let active policies delete without somebody having looked.

    Returns:
        The names of the purge policies that are active.
    """
    now = timezone.now()
    # Nothing is made or changed as often as every second, also when the same backup is restored more than once.
    later = max(int((now - made_at).total_seconds()), FEWEST_LEFT_OUT)
    with transaction.atomic(using=alias):
        for model in TOLD_TO_NODES:
            continue_numbering(alias, model, later)
        ConfigRevision.objects.using(alias).get_or_create(pk=1)
        ConfigRevision.objects.using(alias).update(number=F("number") + later)
        unfinished = Command.objects.using(alias).filter(finished_at=None)
        unfinished.update(finished_at=now, ok=False, detail=UNKNOWN)
        # What fell due between the backup and now has run, or is due again soon: nothing is deleted in a hurry.
        policies = PurgePolicy.objects.using(alias)
        policies.exclude(schedule="").update(scheduled_until=now)
        active = policies.filter(enforcement=Enforcement.ACTIVE)
        waits = not keep_purging and active.exists()
        _let_purging_wait(alias, now if waits else None)
        _end_purges(alias, now)
        _ask_nodes(alias, made_at - MARGIN)
        AuditEvent.objects.using(alias).create(
            actor_name="restore",
            verb="console.restored",
            message=f"Restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC, made by version {version}."
            + (" Purging waits." if waits else ""),
        )
    return list(active.values_list("name", flat=True))


def _let_purging_wait(alias: str, since: datetime | None) -> None:
    settings = PurgeSettings.objects.using(alias)
    settings.update(waits_since=None)
    if since:
        settings.update_or_create(pk=1, defaults={"waits_since": since})


def _end_purges(alias: str, now: datetime) -> None:
    """End what was begun, in the backup and, as terms have other keys now, on nodes that have begun more since."""
    for policy in PurgePolicy.objects.using(alias):
        policy.terms_key = uuid.uuid4()
        policy.save(using=alias, update_fields=["terms_key"])
    runs = PurgeRun.objects.using(alias).filter(state__in=OPEN_STATES)
    Command.objects.using(alias).bulk_create(
        Command(
            node=run.node,
            kind="purge_cancel",
            data={"run": str(run.pk), "by": "restore", "why": RUN_ENDED},
        )
        for run in runs.select_related("node")
    )
    runs.update(cancelling=RUN_ENDED, detail=RUN_ENDED)
    runs.filter(state=State.REQUESTED).update(state=State.CANCELLED, finished_at=now)


def _ask_nodes(alias: str, since: datetime) -> None:
    """Let nodes tell again what they told after the backup, as far as they remember it."""
    data = {"since": since.isoformat().replace("+00:00", "Z")}
    Command.objects.using(alias).bulk_create(
        Command(node=node, kind=kind, data=data)
        for node in Node.objects.using(alias)
        for kind in REPORT_AGAIN
    )
    for node in Node.objects.using(alias):
        # Those that were deleted meanwhile, by a purge or by hand, were reported before, and are known to be gone nowhere.
        there = Study.objects.using(alias).filter(node=node, deleted_at=None)
        ids = list(there.values_list("orthanc_id", flat=True))
        Command.objects.using(alias).bulk_create(
            Command(node=node, kind=LOOK_FOR, data={"studies": ids[start : start + MOST_STUDIES]})
            for start in range(0, len(ids), MOST_STUDIES)
        )
