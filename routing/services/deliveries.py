"""Acting on deliveries. The node owns them: each act is a command to it, and its answer comes as events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.models import Node
from routing.models import Act, Delivery, Destination
from routing.models.act import Verb
from routing.models.delivery import LIVE_STATES, State
from routing.services import acts
from routing.services.acts import Report

VERBS = {Verb.RETRY: "delivery.retried", Verb.CANCEL: "delivery.cancelled"}
RETRYABLE = (State.FAILED, State.CANCELLED, State.WAITING)
# What a lane has not begun yet, and draining it therefore cancels.
QUEUED = (State.WAITING, State.HELD)


def retry(actor: User, deliveries: Iterable[Delivery]) -> Report:
    """Send again what failed or was cancelled, and at once what waits for its next attempt.

    Args:
        deliveries: with their nodes; a query over many is read in pieces.
    """
    return _command_each(actor, Verb.RETRY, deliveries, RETRYABLE)


def cancel(actor: User, deliveries: Iterable[Delivery]) -> Report:
    """Give up what is not at its destination yet; `deliveries` as for `retry`."""
    return _command_each(actor, Verb.CANCEL, deliveries, LIVE_STATES)


def queued(destination: Destination, node: Node | None = None) -> QuerySet[Delivery]:
    """What waits for the destination, or is held: of one node, or of all."""
    rows = Delivery.objects.filter(destination=destination, state__in=QUEUED)
    return (rows if node is None else rows.filter(node=node)).select_related("node")


@transaction.atomic
def drain(actor: User, destination: Destination, node: Node | None = None) -> Report:
    """Cancel all that waits for the destination. What is being sent goes on."""
    report = cancel(actor, queued(destination, node))
    message = _count(report.done)
    if node is not None:
        message = _("%(count)s of %(node)s") % {"count": message, "node": node}
    log.record(actor, "destination.drained", destination, message=message)
    return report


@transaction.atomic
def _command_each(
    actor: User, verb: Verb, deliveries: Iterable[Delivery], states: tuple[State, ...]
) -> Report:
    report = Report(Act(verb=verb))
    by_node: dict[Node, list[str]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.state in states:
            by_node[delivery.node].append(str(delivery.pk))
        else:
            report.skipped.append((str(delivery.pk), _refusal(verb, delivery)))
    report.act.left = dict(Counter(reason for _id, reason in report.skipped))
    acts.ask(actor, report.act, by_node, "deliveries", {})
    for node, ids in by_node.items():
        for chunk in acts.chunks(ids):
            changes = {"deliveries": [None, chunk]}
            log.record(actor, VERBS[verb], node, message=_count(len(chunk)), changes=changes)
    report.done = report.act.asked
    report.offline = [node.name for node in by_node if not node.online]
    return report


def _count(number: int) -> str:
    return ngettext("%d delivery", "%d deliveries", number) % number


def _refusal(verb: Verb, delivery: Delivery) -> str:
    state = delivery.get_state_display().lower()
    if verb == Verb.CANCEL:
        return _("It is %(state)s already.") % {"state": state}
    if delivery.state == State.HELD:
        return _("Its destination is paused, disabled or outside its hours.")
    return _("It is %(state)s; only what failed, was cancelled or waits can be sent again.") % {
        "state": state
    }
