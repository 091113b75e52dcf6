"""Sending studies by hand, whatever the rules say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Command, Node
from routing.models import Act, Destination, Study
from routing.models.act import Verb
from routing.models.rule import Priority
from routing.services import acts
from routing.services.acts import Report

ANSWER_SECONDS = 3


@transaction.atomic
def send(
    actor: User,
    studies: Iterable[Study],
    destination: Destination,
    priority: str = Priority.URGENT,
) -> Report:
    """Ask the nodes that have the studies to send them now.

    Args:
        studies: with their nodes; a query over many is read in pieces.
        priority: their place among what waits for the destination.

    Raises:
        ValidationError: the destination is disabled or gone.
    """
    if destination.gone_at is not None or not destination.enabled:
        raise ValidationError(_("This destination is disabled, or Orthanc has it no more."))
    report = Report(Act(verb=Verb.SEND, destination=destination, destination_name=destination.name))
    allowed = {node.pk for node in destination.nodes.all()}
    by_node: dict[Node, list[Study]] = defaultdict(list)
    for study in studies:
        reason = _refusal(study, destination, allowed)
        if reason:
            report.skipped.append((str(study.pk), reason))
        else:
            by_node[study.node].append(study)
    report.act.left = dict(Counter(reason for _id, reason in report.skipped))
    wanted = {node: [study.orthanc_id for study in rows] for node, rows in by_node.items()}
    data = {"destination": destination.pk, "priority": priority}
    acts.ask(actor, report.act, wanted, "studies", data)
    for node, rows in by_node.items():
        _record(actor, node, rows, destination)
    report.done = report.act.asked
    report.offline = [node.name for node in by_node if not node.online]
    return report


@dataclass(frozen=True)
class Sent:
    """One study that a node was asked to send, with its answer if it came in time."""

    command: Command
    ok: bool | None
    detail: str
    delivery: str | None


def send_one(actor: User, study: Study, destination: Destination) -> Sent:
    """Send one study now; waits at most three seconds for its node to take it.

    Raises:
        ValidationError: as `send`; also when the study is gone, or its node may not send there.
    """
    with transaction.atomic():
        report = send(actor, [study], destination)
        if report.skipped:
            raise ValidationError(report.skipped[0][1])
        command = Command.objects.get(pk=report.act.commands[0])
    if study.node.online:
        nodes_services.wait_for(command, ANSWER_SECONDS)
    done, refusals = acts.listed(command, "done"), acts.refusals(command)
    ok = command.ok and bool(done)
    return Sent(command, ok, next(iter(refusals), command.detail), next(iter(done), None))


def _refusal(study: Study, destination: Destination, allowed: set[int]) -> str:
    if study.deleted_at is not None:
        return _("Orthanc does not have this study any more.")
    if allowed and study.node_id not in allowed:
        names = {"node": study.node, "destination": destination}
        return _("%(node)s, which has this study, may not send to %(destination)s.") % names
    return ""


def _record(actor: User, node: Node, studies: list[Study], destination: Destination) -> None:
    if len(studies) == 1:
        message = _("to %(destination)s") % {"destination": destination}
        log.record(actor, "study.sent", studies[0], message=message)
        return
    keys = [str(study.pk) for study in studies]
    for chunk in acts.chunks(keys):
        count = ngettext("%d study", "%d studies", len(chunk)) % len(chunk)
        message = _("%(count)s to %(destination)s") % {"count": count, "destination": destination}
        log.record(actor, "study.sent", node, message=message, changes={"studies": [None, chunk]})
