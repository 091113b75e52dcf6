"""Sending webhooks again. The node owns them: it is a command to it, and its answer comes as events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intercept.models import DeliveryState, WebhookDelivery
from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Node
from routing.models.rule import Enforcement

PER_COMMAND = 500


@dataclass
class Report:
    """What became of asking for several deliveries again."""

    done: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (delivery, reason)
    offline: list[str] = field(default_factory=list)  # nodes that will be asked when they are back

    @property
    def message(self) -> str:
        """One or two sentences for people."""
        words = ngettext("%d webhook is sent again.", "%d webhooks are sent again.", self.done)
        parts = [words % self.done]
        if self.skipped:
            count = len(self.skipped)
            parts.append(ngettext("%d left as it is.", "%d left as they are.", count) % count)
        if self.offline:
            names = ", ".join(self.offline)
            parts.append(_("Offline now, will be asked when back: %(nodes)s.") % {"nodes": names})
        return " ".join(parts)


@transaction.atomic
def redeliver(actor: User, deliveries: Iterable[WebhookDelivery]) -> Report:
    """Send again, under the same id, whatever became of it; what waits is tried at once."""
    report = Report()
    by_node: dict[Node, list[str]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.target is None:
            report.skipped.append((str(delivery.pk), _("Its target was deleted.")))
        elif delivery.target.enforcement == Enforcement.DISABLED:
            report.skipped.append((str(delivery.pk), _("Its target is disabled.")))
        elif delivery.state == DeliveryState.SKIPPED or delivery.cause == "test":
            report.skipped.append((str(delivery.pk), _("It was never meant to be sent again.")))
        else:
            by_node[delivery.node].append(str(delivery.pk))
    for node, ids in by_node.items():
        for start in range(0, len(ids), PER_COMMAND):
            chunk = ids[start : start + PER_COMMAND]
            nodes_services.ask(node, "webhook_redeliver", {"deliveries": chunk}, actor)
            count = ngettext("%d webhook", "%d webhooks", len(chunk)) % len(chunk)
            changes = {"deliveries": [None, chunk]}
            log.record(actor, "webhook.redelivered", node, message=count, changes=changes)
        report.done += len(ids)
        if not node.online:
            report.offline.append(node.name)
    return report
