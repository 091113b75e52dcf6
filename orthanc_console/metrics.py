"""Figures for Prometheus, read from the database when they are asked for, so that every process gives the same."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from intercept.models import DeliveryState, WebhookDelivery
from orthanc_console.nodes.models import Command, Node
from purge.models import PurgeRun, SchedulerBeat
from purge.models.run import OPEN_STATES
from routing.models import Delivery, Lane
from routing.models.delivery import LIVE_STATES, State


class DatabaseCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        nodes = list(Node.objects.all())
        yield from _nodes(nodes)
        yield _deliveries()
        yield from _lanes()
        yield from _purges()
        yield _webhooks()
        waiting = Command.objects.filter(finished_at=None).count()
        yield GaugeMetricFamily(
            "orthanc_console_commands_waiting", "Commands that nodes have not answered", waiting
        )


def registry() -> CollectorRegistry:
    """A registry with what the database knows now."""
    made = CollectorRegistry(auto_describe=False)
    made.register(DatabaseCollector())
    return made


def _nodes(nodes: list[Node]) -> Iterator[Metric]:
    online = GaugeMetricFamily(
        "orthanc_console_node_online", "1 while the plugin of the node calls", labels=["node"]
    )
    seen = GaugeMetricFamily(
        "orthanc_console_node_last_seen_age_seconds", "Since its last call", labels=["node"]
    )
    outbox = GaugeMetricFamily(
        "orthanc_console_node_outbox", "Events that wait in the node", labels=["node"]
    )
    for node in nodes:
        online.add_metric([node.name], int(node.online))
        if node.last_seen_at:
            age = timezone.now() - node.last_seen_at
            seen.add_metric([node.name], age.total_seconds())
        waiting = node.status.get("outbox")
        if isinstance(waiting, int):
            outbox.add_metric([node.name], waiting)
    yield from (online, seen, outbox)


def _deliveries() -> Metric:
    family = GaugeMetricFamily(
        "orthanc_console_deliveries", "Live and failed deliveries by state", labels=["state"]
    )
    states = (*LIVE_STATES, State.FAILED)
    counts = dict(
        Delivery.objects.filter(state__in=states)
        .order_by()
        .values_list("state")
        .annotate(Count("pk"))
    )
    for state in states:
        family.add_metric([state.value], counts.get(state.value, 0))
    return family


def _purges() -> Iterator[Metric]:
    open_runs = PurgeRun.objects.filter(state__in=OPEN_STATES).count()
    yield GaugeMetricFamily("orthanc_console_purge_runs_open", "Runs that are not over", open_runs)
    beat = SchedulerBeat.objects.first()
    if beat is not None:
        age = (timezone.now() - beat.seen_at).total_seconds()
        yield GaugeMetricFamily(
            "orthanc_console_scheduler_last_seen_age_seconds", "Since the scheduler ran", age
        )


def _lanes() -> Iterator[Metric]:
    labels = ["node", "destination"]
    waiting = GaugeMetricFamily(
        "orthanc_console_lane_waiting", "Deliveries that wait in the lane", labels=labels
    )
    failing = GaugeMetricFamily(
        "orthanc_console_lane_failing", "1 while the destination does not answer", labels=labels
    )
    for lane in Lane.objects.select_related("node", "destination"):
        names = [lane.node.name, lane.destination.name]
        waiting.add_metric(names, lane.waiting)
        failing.add_metric(names, int(lane.state == Lane.State.FAILING))
    yield from (waiting, failing)


def _webhooks() -> Metric:
    family = GaugeMetricFamily(
        "orthanc_console_webhooks",
        "Waiting and failed webhooks by target",
        labels=["target", "state"],
    )
    states = (DeliveryState.WAITING, DeliveryState.FAILED)
    rows = WebhookDelivery.objects.filter(state__in=states, target__isnull=False).order_by()
    for target, state, count in rows.values_list("target__name", "state").annotate(Count("pk")):
        family.add_metric([target, state], count)
    return family
