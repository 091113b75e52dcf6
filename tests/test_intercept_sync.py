"""What nodes report of C-MOVEs and webhooks, and what they are told of targets."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from intercept.models import MoveRequest, WebhookDelivery, WebhookTarget
from orthanc_console import metrics
from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from tests.agent import Agent
from tests.factories import event, make_node, make_study
from tests.intercept_factories import (
    attempt_report,
    make_target,
    make_webhook,
    move_report,
    new_id,
    webhook_report,
)

pytestmark = pytest.mark.django_db


def test_a_request_is_shown_with_its_newest_outcome_in_whatever_order_it_is_reported() -> None:
    agent, ident = Agent(), new_id()
    study = make_study(agent.node, orthanc_id="study-a")
    ended = move_report(ident, 2, outcome="sent", sent_count=3, studies=["study-a"])
    agent.sync(events=[ended])
    agent.sync(events=[move_report(ident, 1)])
    request = MoveRequest.objects.get()
    assert (request.outcome, request.sent_count, request.study) == ("sent", 3, study)


def test_a_message_is_shown_with_every_attempt() -> None:
    agent, target, ident = Agent(), make_target(), new_id()
    move = new_id()
    agent.sync(
        events=[
            move_report(move, 1),
            webhook_report(ident, target, "waiting", 2, move_request=move),
            webhook_report(
                ident,
                target,
                "waiting",
                3,
                move_request=move,
                attempts=1,
                attempt=attempt_report(1, "failed"),
            ),
            webhook_report(
                ident,
                target,
                "delivered",
                4,
                move_request=move,
                attempts=2,
                attempt=attempt_report(2, "succeeded", 200),
            ),
        ]
    )
    webhook = WebhookDelivery.objects.get()
    assert (webhook.state, webhook.attempts, str(webhook.move_request_id)) == ("delivered", 2, move)
    assert [each.outcome for each in webhook.attempt_set.all()] == ["succeeded", "failed"]


def test_a_message_to_a_target_that_was_deleted_keeps_its_name() -> None:
    agent, target = Agent(), make_target("Audit")
    report = webhook_report(new_id(), target, "waiting", 1)
    target.delete()
    agent.sync(events=[report])
    webhook = WebhookDelivery.objects.get()
    assert (webhook.target, webhook.target_name) == (None, "Audit")


def test_what_cannot_be_understood_is_set_aside_and_holds_nothing_up() -> None:
    agent, target = Agent(), make_target()
    answer = agent.sync(
        events=[
            move_report(new_id(), 1, outcome="exploded"),
            webhook_report("no uuid", target, "waiting", 2),
            webhook_report(new_id(), target, "lost", 3),
            event("webhook.target_gone", {"target": "x"}, 4),
            move_report(new_id(), 5),
        ]
    )
    assert len(answer["set_aside"]) == 4
    assert MoveRequest.objects.count() == 1


def test_a_node_cannot_change_what_another_has_reported() -> None:
    first, second, ident = Agent(), Agent(), new_id()
    first.sync(events=[move_report(ident, 1, outcome="sent")])
    answer = second.sync(events=[move_report(ident, 9, outcome="failed")])
    assert len(answer["set_aside"]) == 1
    assert MoveRequest.objects.get().outcome == "sent"


def test_a_node_is_told_the_targets_that_concern_it_with_their_secrets() -> None:
    agent = Agent()
    other, _secret = make_node()
    target = make_target(
        expression='TargetAET == "ARCHIVE"', headers_json='{"X-Key": "abc"}', password="pw"
    )
    make_target(nodes=[other])
    told = agent.sync(config_revision=None)["config"]["webhook_targets"]
    assert [each["id"] for each in told] == [target.pk]
    assert told[0]["headers"] == {"X-Key": "abc"}
    assert told[0]["password"] == "pw"
    assert told[0]["secret"] == target.secret
    assert told[0]["condition"]["op"] == "=="


def test_a_receiver_that_is_gone_disables_its_target_and_says_so() -> None:
    agent, target = Agent(), make_target()
    before = agent.sync(config_revision=None)["config_revision"]
    gone = event("webhook.target_gone", {"target": target.pk, "revision": 1, "name": "x"})
    answer = agent.sync(events=[gone])
    target.refresh_from_db()
    assert target.enforcement == "disabled"
    assert "410" in target.disabled_because
    assert answer["config_revision"] > before
    assert AuditEvent.objects.get(verb="webhook_target.disabled").actor_name == agent.node.name


def test_a_target_that_was_saved_since_stays_active(alice: User) -> None:
    from intercept.services import targets as services

    agent, target = Agent(), make_target()
    services.save(alice, target)
    agent.sync(events=[event("webhook.target_gone", {"target": target.pk, "revision": 1})])
    assert WebhookTarget.objects.get().enforcement == "active"


def test_patient_data_is_not_kept_twice() -> None:
    agent = Agent()
    agent.sync(events=[move_report(new_id(), 1, patient_id="SECRET-PATIENT")])
    assert "SECRET-PATIENT" not in str(agent.node.events.values_list("data", flat=True))


def test_figures_for_prometheus_count_what_waits_and_what_failed() -> None:
    agent, target = Agent(), make_target("Audit")
    for state in ("waiting", "waiting", "failed", "delivered"):
        make_webhook(agent.node, target, state=state)
    text = generate_latest(metrics.registry()).decode()
    assert 'orthanc_console_webhooks{state="waiting",target="Audit"} 2.0' in text
    assert 'orthanc_console_webhooks{state="failed",target="Audit"} 1.0' in text
