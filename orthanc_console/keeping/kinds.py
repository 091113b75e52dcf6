"""Which rows of each kind of history are old enough to go. What is live is never among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from intercept.models import DeliveryState, MoveRequest, Outcome, WebhookDelivery
from orthanc_console.accounts.models import ApiToken
from orthanc_console.agent.models import Event
from orthanc_console.audit.models import AuditEvent
from orthanc_console.keeping.models import RetentionSettings
from orthanc_console.nodes.models import Command, Node
from purge.models import PurgeRun, PurgeSettings
from purge.models.run import OPEN_STATES
from routing.models import Act, Delivery, Study
from routing.models.backtest import Backtest
from routing.models.delivery import LIVE_STATES, State

Rows = QuerySet[Any]
# A node that did not hear the answer sends its last call again, at most 500 events. Those that are stored here are known then,
# however old; twice as many stay.
ALWAYS_KEPT_EVENTS = 1000


@dataclass(frozen=True)
class Kind:
    """One kind of history.

    Attributes:
        name: of its settings and counts.
        old: the rows that are older than a moment, one query for each table, those that refer to others first.
    """

    name: str
    old: Callable[[datetime], Iterator[Rows]]


def days(settings: RetentionSettings, kind: Kind) -> int | None:
    """For how many days it is kept; None for ever."""
    if kind.name == "purges":
        return PurgeSettings.load().history_days
    kept: int | None = getattr(settings, f"{kind.name}_days")
    return kept


def _webhooks(before: datetime) -> Iterator[Rows]:
    old = WebhookDelivery.objects.filter(created_at__lt=before)
    yield old.exclude(state=DeliveryState.WAITING)


def _moves(before: datetime) -> Iterator[Rows]:
    waiting = WebhookDelivery.objects.filter(move_request=OuterRef("pk"), state="waiting")
    old = MoveRequest.objects.filter(~Exists(waiting), received_at__lt=before)
    yield old.exclude(outcome=Outcome.RUNNING)


def _deliveries(before: datetime) -> Iterator[Rows]:
    # By the clock of the node, which may be wrong, and by that of the console.
    old = Delivery.objects.filter(created_at__lt=before, study__reported_at__lt=before)
    old = old.annotate(ended_at=Coalesce("state_changed_at", "created_at"))
    # A failed one keeps its study from being purged, as long as that is there.
    blocking = Q(state=State.FAILED, study__deleted_at=None)
    yield old.filter(~blocking, ended_at__lt=before).exclude(state__in=LIVE_STATES)


def _studies(before: datetime) -> Iterator[Rows]:
    live = Delivery.objects.filter(study=OuterRef("pk"), state__in=LIVE_STATES)
    yield Study.objects.filter(~Exists(live), reported_at__lt=before, deleted_at__lt=before)


def _events(before: datetime) -> Iterator[Rows]:
    for node in Node.objects.all():
        own = Event.objects.filter(node=node)
        young = own.filter(received_at__gte=before).order_by("seq").values_list("seq", flat=True)
        newest = own.order_by("-seq").values_list("seq", flat=True)
        limits = [*young[:1], *newest[ALWAYS_KEPT_EVENTS - 1 : ALWAYS_KEPT_EVENTS]]
        if len(newest[:ALWAYS_KEPT_EVENTS]) == ALWAYS_KEPT_EVENTS:
            yield own.filter(seq__lt=min(limits), received_at__lt=before)


def _requests(before: datetime) -> Iterator[Rows]:
    over = ~Q(finished_at=None) | Q(expires_at__lt=before)
    yield Command.objects.filter(over, created_at__lt=before)
    yield Act.objects.filter(at__lt=before)


def _backtests(before: datetime) -> Iterator[Rows]:
    yield Backtest.objects.filter(created_at__lt=before)


def _sign_ins(before: datetime) -> Iterator[Rows]:
    yield Session.objects.filter(expire_date__lt=timezone.now())
    yield AccessAttempt.objects.filter(attempt_time__lt=before)
    yield AccessLog.objects.filter(attempt_time__lt=before)
    yield ApiToken.objects.filter(Q(revoked_at__lt=before) | Q(expires_at__lt=before))


def _purges(before: datetime) -> Iterator[Rows]:
    yield PurgeRun.objects.filter(created_at__lt=before).exclude(state__in=OPEN_STATES)


def _audit(before: datetime) -> Iterator[Rows]:
    yield AuditEvent.objects.filter(at__lt=before)


KINDS = (
    Kind("webhooks", _webhooks),
    Kind("moves", _moves),
    Kind("deliveries", _deliveries),
    Kind("events", _events),
    Kind("studies", _studies),
    Kind("requests", _requests),
    Kind("backtests", _backtests),
    Kind("sign_ins", _sign_ins),
    Kind("purges", _purges),
    Kind("audit", _audit),
)
