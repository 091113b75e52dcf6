"""Acting on deliveries. The node owns them: each act is a command to it, and its answer comes as events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Command, Node
from routing.models import Delivery, Destination, Study
from routing.models.delivery import LIVE_STATES, State

DELIVERIES_PER_COMMAND = 500
VERBS = {"retry": "delivery.retried", "cancel": "delivery.cancelled"}
RETRYABLE = (State.FAILED, State.CANCELLED, State.WAITING)


@dataclass
class Report:
    """What became of an act on several deliveries."""

    done: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (delivery, reason)
    offline: list[str] = field(default_factory=list)  # nodes that will be asked when they are back

    @property
    def message(self) -> str:
        """One or two sentences for people."""
        parts = [
            ngettext("%d delivery asked for.", "%d deliveries asked for.", self.done) % self.done
        ]
        if self.skipped:
            count = len(self.skipped)
            parts.append(ngettext("%d left as it is.", "%d left as they are.", count) % count)
        if self.offline:
            parts.append(
                _("Offline now, will be asked when back: %(nodes)s.")
                % {"nodes": ", ".join(self.offline)}
            )
        return " ".join(parts)


def retry(actor: User, deliveries: Iterable[Delivery]) -> Report:
    """Send again what failed or was cancelled, and at once what waits for its next attempt."""
    return _command_each(actor, "retry", deliveries, RETRYABLE)


def cancel(actor: User, deliveries: Iterable[Delivery]) -> Report:
    """Give up what is not at its destination yet."""
    return _command_each(actor, "cancel", deliveries, LIVE_STATES)


@transaction.atomic
def send(actor: User, study: Study, destination: Destination) -> Command:
    """Send a study now, whatever the rules say; returns the command, whose result names the delivery.

    Raises:
        ValidationError: the study or the destination is gone, or the study's node may not send there.
    """
    if study.deleted_at is not None:
        raise ValidationError(_("Orthanc does not have this study any more."))
    if destination.gone_at is not None or not destination.enabled:
        raise ValidationError(_("This destination is disabled, or Orthanc has it no more."))
    nodes = destination.nodes.all()
    if nodes and study.node not in nodes:
        message = _("%(node)s, which has this study, may not send to %(destination)s.")
        raise ValidationError(message % {"node": study.node, "destination": destination})
    data = {"study": study.orthanc_id, "destination": destination.pk}
    command = nodes_services.ask(study.node, "send", data, actor)
    message = _("to %(destination)s") % {"destination": destination}
    log.record(actor, "study.sent", study, message=message)
    return command


@transaction.atomic
def _command_each(
    actor: User, kind: str, deliveries: Iterable[Delivery], states: tuple[State, ...]
) -> Report:
    report = Report()
    by_node: dict[Node, list[str]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.state in states:
            by_node[delivery.node].append(str(delivery.pk))
        else:
            report.skipped.append((str(delivery.pk), _refusal(kind, delivery)))
    for node, ids in by_node.items():
        for start in range(0, len(ids), DELIVERIES_PER_COMMAND):
            chunk = ids[start : start + DELIVERIES_PER_COMMAND]
            nodes_services.ask(node, kind, {"deliveries": chunk}, actor)
            changes = {"deliveries": [None, chunk]}
            log.record(actor, VERBS[kind], node, message=_count(len(chunk)), changes=changes)
        report.done += len(ids)
        if not node.online:
            report.offline.append(node.name)
    return report


def _count(number: int) -> str:
    return ngettext("%d delivery", "%d deliveries", number) % number


def _refusal(kind: str, delivery: Delivery) -> str:
    state = delivery.get_state_display().lower()
    if kind == "cancel":
        return _("It is %(state)s already.") % {"state": state}
    if delivery.state == State.HELD:
        return _("Its destination is paused or disabled.")
    return _("It is %(state)s; only what failed, was cancelled or waits can be sent again.") % {
        "state": state
    }
