"""The figures of the overview: is something wrong, and what became of the last 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Min, Prefetch
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intercept.models import WebhookTarget
from orthanc_console.agent.models import Event
from orthanc_console.nodes.models import Node
from purge import scheduler
from purge.services import waiting
from routing import explain
from routing.models import Delivery, Destination, Lane, Rule
from routing.models.delivery import LIVE_STATES, State
from routing.services import destinations as destination_services
from routing.why import tell

ARRIVED = (State.DELIVERED, State.VERIFIED)
RECENT = timedelta(hours=24)
# A node that was just made is being attached.
ATTACHING = timedelta(hours=1)
SHOWN = 8


@dataclass(frozen=True)
class Figures:
    """Counts with the addresses of the lists that they count."""

    waiting: int
    oldest: datetime | None
    failed: int
    delivered: int
    waiting_url: str
    failed_url: str
    delivered_url: str


class Trouble(NamedTuple):
    """One thing that somebody should look at."""

    tone: str
    sentence: str
    url: str
    # The error in its own words, where the sentence explains one.
    said: str = ""


class Progress(NamedTuple):
    """How far a fresh console is; the checklist goes when the first study is on its way."""

    nodes: list[Node]
    attached: bool
    destinations: list[Destination]
    rules: int
    deliveries: bool

    @property
    def complete(self) -> bool:
        return self.deliveries and self.rules > 0


def figures() -> Figures:
    since = timezone.now() - RECENT
    live = Delivery.objects.filter(state__in=LIVE_STATES).order_by()
    lately = Delivery.objects.filter(state_changed_at__gte=since).order_by()
    return Figures(
        **live.aggregate(waiting=Count("pk"), oldest=Min("created_at")),
        failed=lately.filter(state=State.FAILED).count(),
        delivered=lately.filter(state__in=ARRIVED).count(),
        waiting_url=_deliveries(LIVE_STATES),
        failed_url=_deliveries((State.FAILED,), since),
        delivered_url=_deliveries(ARRIVED, since),
    )


def _deliveries(states: tuple[State, ...], since: datetime | None = None) -> str:
    query = {"state": ",".join(states)}
    if since:
        query["changed_after"] = since.isoformat(timespec="seconds")
    return f"{reverse('deliveries')}?{urlencode(query)}"


def troubles(nodes: list[Node]) -> list[Trouble]:
    """What is wrong now, worst first."""
    found = [trouble for node in nodes for trouble in _node_troubles(node)]
    lanes = Prefetch("lanes", Lane.objects.order_by().select_related("node"))
    for destination in Destination.objects.filter(gone_at=None, enabled=True).prefetch_related(
        lanes
    ):
        address = reverse("destination", args=(destination.pk,))
        if destination_services.health(destination) == "failing":
            sentence = _("%(name)s does not take studies: %(error)s") % {
                "name": destination,
                "error": _complaint(destination) or _("no details reported"),
            }
            said = destination_services.last_error(destination)
            found.append(Trouble("bad", sentence, address, "" if said in sentence else said))
        elif destination.paused:
            sentence = _("%(name)s is paused; its deliveries wait.") % {"name": destination}
            found.append(Trouble("warn", sentence, address))
    found += [_gone(destination) for destination in destination_services.missed()]
    found += [
        Trouble("warn", f"{target}: {target.disabled_because}", _webhook_target(target))
        for target in WebhookTarget.objects.exclude(disabled_because="")
    ]
    if waits := waiting.words():
        found.append(Trouble("warn", waits, reverse("policies")))
    if silent := scheduler.trouble():
        found.append(Trouble("warn", silent, reverse("policies")))
    return sorted(found, key=lambda trouble: trouble.tone != "bad")


def _gone(destination: Destination) -> Trouble:
    sentence = _(
        "%(name)s is not in its Orthanc any more, and studies wait for it. Bring it back there, or delete it here to cancel them."
    )
    address = reverse("destination", args=(destination.pk,))
    return Trouble("bad", sentence % {"name": destination}, address)


def _webhook_target(target: WebhookTarget) -> str:
    return reverse("webhook-target", args=(target.pk,))


def _complaint(destination: Destination) -> str:
    """Why it fails, in plain words where they are known."""
    explained = destination_services.explained(destination)
    if explained is None or explained == explain.UNKNOWN:
        return destination_services.last_error(destination)
    return str(explained.meaning)


def _node_troubles(node: Node) -> list[Trouble]:
    address = reverse("node", args=(node.pk,))
    found = []
    if node.last_seen_at is None:
        if timezone.now() - node.created_at > ATTACHING:
            sentence = _(
                "%(name)s has never called the console. Attach it as its page says, or delete it."
            )
            found.append(Trouble("warn", sentence % {"name": node}, address))
    elif not node.online:
        sentence = _(
            "%(name)s does not call the console. It forwards by the rules that it has; its reports come later."
        )
        found.append(Trouble("bad", sentence % {"name": node}, address))
    if node.warnings:
        count = len(node.warnings)
        sentence = ngettext(
            "%(name)s has %(count)d warning.", "%(name)s has %(count)d warnings.", count
        )
        found.append(Trouble("warn", sentence % {"name": node, "count": count}, address))
    return found


def set_aside_count() -> int:
    """Events of the last day that the console did not understand."""
    since = timezone.now() - RECENT
    return Event.objects.exclude(problem="").filter(received_at__gte=since).count()


def recent() -> list[Delivery]:
    rows = Delivery.objects.select_related("study", "node", "destination")
    return tell(rows.prefetch_related("rule_links")[:SHOWN])


def progress(nodes: list[Node]) -> Progress:
    destinations = list(Destination.objects.filter(gone_at=None, enabled=True)[:20])
    return Progress(
        nodes=nodes,
        attached=any(node.last_seen_at for node in nodes),
        destinations=destinations,
        rules=Rule.objects.count(),
        deliveries=Delivery.objects.exists(),
    )
