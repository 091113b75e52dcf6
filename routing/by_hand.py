"""Who sent a study by hand, where the console knows it."""

from __future__ import annotations

from orthanc_console.nodes.models import Command
from routing.models import Delivery, Study

# The newest commands of a node that are looked through; older ones say nothing that the audit trail does not.
LOOKED_AT = 50


def senders(study: Study, deliveries: list[Delivery]) -> dict[str, str]:
    """User name by delivery, of those deliveries of the study that somebody asked for through this console."""
    wanted = {str(each.pk) for each in deliveries if each.cause == "manual"}
    if not wanted:
        return {}
    targets = {each.destination_id for each in deliveries if str(each.pk) in wanted}
    commands = Command.objects.filter(
        node=study.node_id,
        kind="send",
        data__destination__in=[each for each in targets if each is not None],
        created_by__isnull=False,
        finished_at__isnull=False,
    ).order_by("-created_at")
    found: dict[str, str] = {}
    for name, result in commands.values_list("created_by__username", "result")[:LOOKED_AT]:
        found |= dict.fromkeys(wanted & set(result.get("done") or ()), name)
    return found
