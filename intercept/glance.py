"""The last hour of C-MOVEs at a glance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count
from django.db.models.query import QuerySet
from django.utils import timezone

from intercept.models import DeliveryState, MoveRequest, Outcome, WebhookDelivery

HOUR = timedelta(hours=1)
SLICES = 12
HEIGHT = 40
WIDTH = 14
BAD = (Outcome.REFUSED, Outcome.FAILED, Outcome.CANCELLED, Outcome.INTERRUPTED)
TOP = 3


class Bar(NamedTuple):
    """Five minutes: how many C-MOVEs ended well and how many badly, and where to draw them."""

    at: datetime
    good: int
    bad: int
    x: int
    good_height: int
    bad_height: int

    @property
    def good_y(self) -> int:
        return HEIGHT - self.good_height

    @property
    def bad_y(self) -> int:
        return self.good_y - self.bad_height


class Glance(NamedTuple):
    """What happened in the hour before now."""

    since: datetime
    total: int
    outcomes: dict[str, int]
    bars: list[Bar]
    askers: list[tuple[str, int]]
    waiting: int
    failed: int


def last_hour(now: datetime | None = None) -> Glance:
    """Count the hour before `now`."""
    now = now or timezone.now()
    since = now - HOUR
    rows = MoveRequest.objects.filter(received_at__gte=since).order_by()
    outcomes = dict(rows.values_list("outcome").annotate(n=Count("pk")))
    askers = rows.values_list("originator_aet").annotate(n=Count("pk")).order_by("-n")[:TOP]
    webhooks = WebhookDelivery.objects.order_by()
    return Glance(
        since=since,
        total=sum(outcomes.values()),
        outcomes={each: outcomes.get(each, 0) for each in Outcome.values if outcomes.get(each)},
        bars=_bars(rows, since),
        askers=list(askers),
        waiting=webhooks.filter(state=DeliveryState.WAITING).count(),
        failed=webhooks.filter(state=DeliveryState.FAILED, created_at__gte=since).count(),
    )


def _bars(rows: QuerySet[MoveRequest], since: datetime) -> list[Bar]:
    counts = [[0, 0] for _slice in range(SLICES)]
    step = HOUR / SLICES
    for at, outcome in rows.values_list("received_at", "outcome"):
        place = min(int((at - since) / step), SLICES - 1)
        counts[place][outcome in BAD] += 1
    most = max(1, *(good + bad for good, bad in counts))
    return [
        Bar(
            since + step * index,
            good,
            bad,
            index * WIDTH,
            round(good * HEIGHT / most),
            round(bad * HEIGHT / most),
        )
        for index, (good, bad) in enumerate(counts)
    ]
