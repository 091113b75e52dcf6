"""History goes when it is as old as the settings say. What is live, or still needed, never goes."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from intercept.models import MoveRequest, WebhookAttempt, WebhookDelivery
from orthanc_console.accounts.models import ApiToken, User
from orthanc_console.agent.models import Event
from orthanc_console.audit.models import AuditEvent
from orthanc_console.keeping import kinds, retention
from orthanc_console.keeping.models import RetentionSettings
from orthanc_console.nodes.models import Command, Node
from purge import scheduler
from routing.models import Act, Delivery, Study
from routing.models.backtest import Backtest
from tests.agent import Agent
from tests.factories import make_delivery, make_modality, make_node, make_study, study_report
from tests.intercept_factories import make_move, make_target, make_webhook

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=400), NOW - timedelta(days=10)


def tick() -> Counter[str]:
    """One whole round; returns what it removed."""
    RetentionSettings.objects.update(finished_at=None)
    retention.tick(NOW)
    settings = RetentionSettings.load()
    assert settings.finished_at == NOW
    return Counter(settings.removed)


@pytest.fixture
def node() -> Node:
    return make_node()[0]


def delivery_of(node: Node, state: str, at: Any = OLD, **study: Any) -> Delivery:
    return make_delivery(
        make_study(node, **{"reported_at": at, **study}),
        make_modality(),
        state=state,
        created_at=at,
        state_changed_at=at,
    )


def test_deliveries_that_ended_long_ago_go_with_their_attempts(node: Node) -> None:
    ended = [delivery_of(node, s) for s in ("delivered", "verified", "cancelled", "skipped")]
    ended[0].attempt_set.create(number=1, started_at=OLD)
    young = delivery_of(node, "delivered", YOUNG)
    assert tick() == {"deliveries": 4}
    assert list(Delivery.objects.all()) == [young]


def test_a_delivery_that_may_still_be_sent_or_keeps_its_study_from_a_purge_stays(
    node: Node,
) -> None:
    stay = [delivery_of(node, s).pk for s in ("waiting", "sending", "held", "failed")]
    delivery_of(node, "failed", deleted_at=OLD)
    assert tick()["deliveries"] == 1
    assert set(Delivery.objects.values_list("pk", flat=True)) == set(stay)


def test_a_node_whose_clock_is_years_behind_does_not_lose_what_it_just_reported(
    node: Node,
) -> None:
    delivery_of(node, "delivered", OLD, reported_at=NOW)
    assert tick() == {}


def test_a_study_goes_long_after_orthanc_had_it_and_never_before(node: Node) -> None:
    here = make_study(node, reported_at=OLD)
    lately = make_study(node, reported_at=OLD, deleted_at=YOUNG)
    gone = make_study(node, reported_at=OLD, deleted_at=OLD)
    assert tick() == {"studies": 1}
    assert set(Study.objects.all()) == {here, lately} and gone not in Study.objects.all()


def events_of(node: Node, count: int, at: Any, first: int = 1) -> None:
    Event.objects.bulk_create(
        Event(id=uuid.uuid4(), node=node, seq=seq, kind="node.notice", at=at, received_at=at)
        for seq in range(first, first + count)
    )


def test_old_reports_go_except_those_that_a_node_may_send_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "ALWAYS_KEPT_EVENTS", 5)
    events_of(node, 8, OLD)
    other = make_node()[0]
    events_of(other, 6, OLD)
    events_of(other, 7, YOUNG, first=7)
    assert tick() == {"events": 3 + 6}
    assert sorted(node.events.values_list("seq", flat=True)) == [4, 5, 6, 7, 8]


def test_a_batch_that_comes_again_after_a_year_is_still_known() -> None:
    agent = Agent()
    batch = [study_report(f"study-{number}", seq=number + 1) for number in range(500)]
    agent.sync(events=batch)
    Event.objects.update(received_at=OLD)
    Study.objects.update(reported_at=OLD, deleted_at=OLD)
    assert tick() == {"studies": 500}
    agent.sync(events=batch)
    assert (Event.objects.count(), Study.objects.count()) == (500, 0)


def test_moves_go_with_their_webhooks_unless_one_waits(node: Node) -> None:
    target = make_target()
    done, waits = (make_move(node, received_at=OLD, outcome="sent") for _ in range(2))
    make_move(node, received_at=OLD, outcome="running")
    make_webhook(node, target, move=done, state="delivered", created_at=YOUNG)
    make_webhook(node, target, move=waits, state="waiting", created_at=OLD)
    make_webhook(node, target, move=waits, state="failed", created_at=OLD)
    assert tick() == {"moves": 1, "webhooks": 1}
    assert MoveRequest.objects.count() == 2
    assert WebhookDelivery.objects.get().state == "waiting"
    assert not WebhookAttempt.objects.filter(delivery__move_request=done).exists()


def test_requests_that_nobody_waits_for_go_and_one_without_an_answer_stays(node: Node) -> None:
    for values in ({"finished_at": OLD}, {"expires_at": OLD}, {}):
        Command.objects.create(node=node, kind="retry", **values)
    Act.objects.create(verb="retry", actor_name="bob")
    Command.objects.update(created_at=OLD)
    Act.objects.update(at=OLD)
    assert tick() == {"requests": 3}
    assert Command.objects.get().finished_at is None


def test_sign_ins_sessions_tokens_and_replays_go(alice: User) -> None:
    Session.objects.create(session_key="a", expire_date=NOW - timedelta(minutes=1))
    Session.objects.create(session_key="b", expire_date=NOW + timedelta(hours=1))
    AccessAttempt.objects.create(username="x", failures_since_start=1)
    AccessLog.objects.create(username="x")
    AccessAttempt.objects.update(attempt_time=OLD)
    AccessLog.objects.update(attempt_time=OLD)
    ApiToken.objects.filter(pk=ApiToken.issue(alice, "old")[0].pk).update(revoked_at=OLD)
    ApiToken.issue(alice, "expired", expires_at=OLD)
    ApiToken.issue(alice, "for ever")
    Backtest.objects.create(question={}, days=1, since=OLD, until=OLD)
    Backtest.objects.update(created_at=OLD)
    assert tick() == {"sign_ins": 5, "backtests": 1}
    assert ApiToken.objects.get().name == "for ever"


def test_the_audit_trail_stays_for_ever_unless_told_and_tells_of_each_removal(alice: User) -> None:
    AuditEvent.objects.create(verb="rule.created")
    AuditEvent.objects.update(at=OLD)
    assert tick() == {}
    retention.save_settings(alice, RetentionSettings(audit_days=90))
    assert tick() == {"audit": 1}
    removed, changed = AuditEvent.objects.all()
    assert (removed.verb, removed.actor_name) == ("retention.removed", "scheduler")
    assert "audit 1" in removed.message
    assert changed.changes == {"audit_days": [None, 90]}


def test_everything_is_kept_that_is_to_be_kept_for_ever(alice: User, node: Node) -> None:
    retention.save_settings(alice, RetentionSettings(**dict.fromkeys(retention.FIELDS)))
    delivery_of(node, "delivered")
    assert tick() == {}


def test_a_long_round_goes_on_with_the_next_ticks_and_counts_once(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SECONDS", 0)
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 2)
    for _ in range(5):
        delivery_of(node, "delivered")
    ticks = 0
    while RetentionSettings.load().finished_at is None:
        retention.tick(NOW)
        ticks += 1
    assert ticks == 4
    assert RetentionSettings.load().removed == {"deliveries": 5}
    assert AuditEvent.objects.filter(verb="retention.removed").count() == 1


def test_it_runs_once_a_day_and_not_while_another_process_is_at_it(node: Node) -> None:
    delivery_of(node, "delivered")
    RetentionSettings.objects.create(pk=1, busy_until=NOW + timedelta(minutes=1))
    retention.tick(NOW)
    assert Delivery.objects.exists()
    retention.tick(NOW + timedelta(minutes=2))
    assert not Delivery.objects.exists()
    delivery_of(node, "delivered")
    retention.tick(NOW + timedelta(hours=23))
    assert Delivery.objects.exists()
    retention.tick(NOW + timedelta(hours=25))
    assert not Delivery.objects.exists()


def test_the_scheduler_does_it(node: Node) -> None:
    delivery_of(node, "delivered")
    scheduler.tick()
    assert not Delivery.objects.exists()


def test_the_page_says_when_it_ran_last_and_warns_when_it_does_not(
    alice_client: Client, node: Node
) -> None:
    url = reverse("retention")
    assert "never removed yet" in alice_client.get(url).content.decode()
    delivery_of(node, "delivered")
    tick()
    page = alice_client.get(url).content.decode()
    assert "1 removed" in page and "look whether it runs" not in page
    RetentionSettings.objects.update(finished_at=OLD)
    assert "look whether it runs" in alice_client.get(url).content.decode()


def test_the_page_saves_and_refuses_too_few_days(alice_client: Client) -> None:
    url = reverse("retention")
    values = {name: "30" for name in retention.FIELDS} | {"audit_days": ""}
    refused = alice_client.post(url, {**values, "events_days": "1"})
    assert "greater than or equal to 7" in refused.content.decode()
    assert alice_client.post(url, values).status_code == 302
    saved = RetentionSettings.load()
    assert (saved.events_days, saved.audit_days) == (30, None)


def test_the_api_shows_and_changes_it(alice_api: APIClient) -> None:
    assert alice_api.get("/api/v1/retention/").json()["deliveries_days"] == 365
    answer = alice_api.patch("/api/v1/retention/", {"deliveries_days": None})
    assert (answer.status_code, answer.json()["deliveries_days"]) == (200, None)
    assert alice_api.patch("/api/v1/retention/", {"events_days": 2}).status_code == 400
