"""How lanes do: what their nodes report, and what the deliveries of the last hour and day add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Cast, NullIf
from django.utils import timezone

from routing import explain
from routing.explain import Explanation
from routing.models import Delivery, Lane
from routing.models.delivery import State

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Key = tuple[int, int]


@dataclass(frozen=True)
class Throughput:
    """What arrived at a destination within an hour; `bytes` is the deliveries' share of their studies' sizes."""

    deliveries: int = 0
    instances: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Overview:
    """A lane with what its deliveries add up to.

    Attributes:
        retrying: how many wait after an attempt that failed.
        failed: how many were given up in the last day.
        last_hour: what arrived.
        explanation: what the last error means and what to do about it; None without an error.
    """

    lane: Lane
    retrying: int = 0
    failed: int = 0
    last_hour: Throughput = field(default_factory=Throughput)
    explanation: Explanation | None = None


def rows() -> QuerySet[Lane]:
    """Lanes of destinations that are in use, or that something waits for, with what a row of the list shows."""
    used = Q(destination__gone_at=None) | Q(waiting__gt=0)
    return Lane.objects.filter(used).select_related("node", "destination")


def overviews(lanes: Sequence[Lane], now: datetime | None = None) -> list[Overview]:
    """Add up what the deliveries of these lanes did, in three queries however many lanes there are."""
    moment = now or timezone.now()
    arrived = _arrived(moment - HOUR)
    retrying = _counts(Q(state=State.WAITING) & ~Q(last_error=""))
    failed = _counts(Q(state=State.FAILED, state_changed_at__gte=moment - DAY))
    return [
        Overview(
            lane=lane,
            retrying=retrying.get(key, 0),
            failed=failed.get(key, 0),
            last_hour=arrived.get(key, Throughput()),
            explanation=explained(lane),
        )
        for lane in lanes
        for key in [(lane.node_id, lane.destination_id)]
    ]


def _arrived(since: datetime) -> dict[Key, Throughput]:
    whole = Cast(NullIf("study__instance_count", 0), FloatField())
    share = Cast("study__size_bytes", FloatField()) * F("delivered_count") / whole
    sums = _grouped(Q(delivered_at__gte=since)).annotate(
        deliveries=Count("pk"), instances=Sum("delivered_count"), bytes=Sum(share)
    )
    return {
        (row["node"], row["destination"]): Throughput(
            row["deliveries"], row["instances"] or 0, round(row["bytes"] or 0)
        )
        for row in sums
    }


def _counts(condition: Q) -> dict[Key, int]:
    counts = _grouped(condition).annotate(count=Count("pk"))
    return {(row["node"], row["destination"]): row["count"] for row in counts}


def _grouped(condition: Q) -> QuerySet[Delivery, Any]:
    # Without an order, which would else become part of the groups.
    return Delivery.objects.filter(condition).order_by().values("node", "destination")


def explained(lane: Lane) -> Explanation | None:
    """What the last error of a lane means; None without one. It reads the lane's node and destination."""
    words = lane.problem or lane.last_error
    return (
        explain.error(words, about=explain.about(lane.node.status, lane.destination))
        if words
        else None
    )
