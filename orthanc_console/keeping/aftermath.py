"""What has to be said after a restore, because nodes have gone on meanwhile.

A backup is of yesterday, and its nodes are of today: they know numbers that this database will give out again, have carried
out commands that it takes to be waiting, and have reported what it never heard of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone

from intercept.models import WebhookTarget
from orthanc_console.audit.models import AuditEvent
from orthanc_console.keeping.databases import continue_numbering
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from purge.models import PurgePolicy
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


def settle(alias: str, made_at: datetime, version: str) -> list[str]:
    """Prepare a restored database for nodes that have gone on since.

    Args:
        alias: of the connection to it.
        made_at: when the backup was made.
        version: of the console that made it.

    Returns:
        The names of the purge policies that delete by a schedule.
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
        _ask_nodes(alias, made_at - MARGIN)
        AuditEvent.objects.using(alias).create(
            actor_name="restore",
            verb="console.restored",
            message=f"Restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC, made by version {version}.",
        )
    deleting = policies.exclude(schedule="").filter(enforcement=Enforcement.ACTIVE)
    return list(deleting.values_list("name", flat=True))


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
