from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes import services as nodes
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from purge.models import PurgePolicy, PurgeRun
from purge.sentence import sentence
from purge.services import policies, runs
from routing.services import destinations
from tests.factories import make_delivery, make_modality, make_node, make_study
from tests.purge_things import make_policy, make_run

pytestmark = pytest.mark.django_db


def save(actor: User, **values: Any) -> PurgePolicy:
    related = {
        "nodes": values.pop("nodes", []),
        "require_delivered_to": values.pop("require_delivered_to", []),
    }
    policy = PurgePolicy(**{"name": "p", "older_than_days": 30, **values})
    return policies.save(actor, policy, **related)


def test_a_policy_is_a_dry_run_with_limits_unless_it_says_otherwise(alice: User) -> None:
    policy = save(alice)
    assert (policy.enforcement, policy.min_days_since_received) == ("dry_run", 1)
    assert policy.max_studies_per_run == 1000 and policy.max_bytes_per_run > 0


def test_a_change_is_audited_and_told_to_nodes(alice: User) -> None:
    policy = save(alice)
    before = ConfigRevision.current()
    policy.older_than_days = 60
    policies.save(alice, policy, nodes=[], require_delivered_to=[])
    event = AuditEvent.objects.get(verb="purge_policy.changed")
    assert event.changes == {"older_than_days": [30, 60]}
    assert (policy.revision, ConfigRevision.current()) == (2, before + 1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"expression": "Modality =="}, "expression"),
        ({"older_than_days": -1}, "older_than_days"),
        ({"age_basis": "moon"}, "age_basis"),
        ({"schedule": "0 0 31 2 *"}, "schedule"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"max_studies_per_run": 0}, "max_studies_per_run"),
        ({"keep_labels": "keep"}, "keep_labels"),
        ({"keep_labels": [""]}, "keep_labels"),
        ({"watermark_start": 80, "watermark_stop": 80}, "watermark_stop"),
        ({"watermark_stop": 80}, "watermark_stop"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(
    values: dict[str, Any], field: str, alice: User
) -> None:
    with pytest.raises(ValidationError) as refused:
        save(alice, **values)
    assert field in refused.value.message_dict
    assert not PurgePolicy.objects.exists()


def test_a_destination_that_a_node_does_not_know_cannot_be_required(alice: User) -> None:
    here, there = make_node()[0], make_node()[0]
    pacs = make_modality(nodes=[there])
    with pytest.raises(ValidationError, match="could never tell"):
        save(alice, nodes=[here], require_delivered_to=[pacs])


def test_what_is_deleted_never_grows_because_a_destination_or_node_goes(alice: User) -> None:
    node, pacs = make_node()[0], make_modality()
    policy = save(alice, nodes=[node], require_delivered_to=[pacs])
    with pytest.raises(ValidationError, match="purge policies"):
        destinations.delete(alice, pacs)
    with pytest.raises(ValidationError, match="Only this node"):
        nodes.delete(alice, node)
    pacs.delete()
    with pytest.raises(ValidationError, match="destination"):
        policies.terms(policy, node)
    Node.objects.all().delete()
    with pytest.raises(ValidationError, match="gone"):
        policies.concerned_nodes(policy)


@pytest.mark.parametrize(
    ("zone", "now", "last"),
    [
        ("UTC", "2026-03-10T12:00:00Z", "20260307"),
        ("Pacific/Kiritimati", "2026-03-10T12:00:00Z", "20260308"),
        ("Pacific/Pago_Pago", "2026-03-10T10:59:59Z", "20260306"),
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "20260326"),
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "20260327"),
        ("UTC", "2024-03-01T12:00:00Z", "20240227"),
        ("UTC", "2026-01-01T00:00:00Z", "20251229"),
    ],
)
def test_days_are_those_of_the_policys_calendar(zone: str, now: str, last: str) -> None:
    policy = PurgePolicy(older_than_days=2, time_zone=zone)
    with time_machine.travel(now, tick=False):
        assert policies.terms(policy)["last_date"] == last


def test_old_failures_that_nodes_forget_are_told_to_them() -> None:
    node, pacs = make_node()[0], make_modality()
    old = timezone.now() - timedelta(days=100)
    kept, gone = make_study(node), make_study(node, deleted_at=timezone.now())
    for study in (kept, gone):
        make_delivery(study, pacs, state="failed", created_at=old)
    make_delivery(make_study(node), pacs, state="failed")
    lately = make_delivery(make_study(node), pacs, state="failed")
    make_delivery(make_study(make_node()[0]), pacs, state="failed")
    terms = policies.terms(make_policy(), node)
    assert terms["failed_studies"] == [kept.orthanc_id]
    # Those of late the node may have lost with its state file.
    assert {each for ids in terms["failed_deliveries"].values() for each in ids} >= {
        str(lately.pk),
        *(str(pk) for pk in kept.deliveries.values_list("pk", flat=True)),
    }
    assert len(terms["failed_deliveries"]) == 3


def test_a_policy_that_somebody_else_changed_meanwhile_is_not_overwritten(
    alice: User, bob: User
) -> None:
    policy = save(alice)
    loaded = PurgePolicy.objects.get(pk=policy.pk)
    policies.set_enforcement(bob, policy, "disabled")
    loaded.name = "new name"
    with pytest.raises(ValidationError, match="Somebody else"):
        policies.save(alice, loaded, nodes=[], require_delivered_to=[])
    assert PurgePolicy.objects.get().enforcement == "disabled"


def test_a_run_is_a_command_to_each_node(alice: User) -> None:
    first, second = make_node()[0], make_node()[0]
    policy = make_policy(hold_minutes=7)
    started = runs.start(alice, policy)
    assert {run.node for run in started} == {first, second}
    command = Command.objects.filter(node=first).get()
    assert command.kind == "purge_run" and command.data["hold_minutes"] == 7
    assert command.expires_at is not None
    with pytest.raises(ValidationError, match="not over"):
        runs.start(alice, policy)


def test_a_dry_run_is_told_so_and_a_disabled_policy_does_not_run(alice: User) -> None:
    make_node()
    runs.start(alice, make_policy(enforcement="dry_run"))
    assert Command.objects.get().data["spec"]["dry_run"] is True
    with pytest.raises(ValidationError, match="disabled"):
        runs.start(alice, make_policy(enforcement="disabled"))


def test_a_run_that_was_cancelled_before_its_node_took_it_never_begins(alice: User) -> None:
    make_node()
    (run,) = runs.start(alice, make_policy())
    runs.cancel(alice, run)
    begin = Command.objects.get(kind="purge_run")
    assert begin.expires_at is not None and begin.expires_at <= timezone.now()
    assert PurgeRun.objects.get().state == "cancelled"
    assert Command.objects.get(kind="purge_cancel").data["run"] == str(run.pk)
    with pytest.raises(ValidationError, match="over"):
        runs.cancel(alice, run)


def test_a_second_administrator_approves(alice: User, bob: User) -> None:
    node = make_node()[0]
    run = make_run(node, make_policy(), state="held", needs_approval=True, requested_by=alice)
    with pytest.raises(ValidationError, match="Another administrator"):
        runs.approve(alice, run)
    runs.approve(bob, run)
    assert (run.approved_by_name, Command.objects.get().kind) == ("bob", "purge_approve")
    with pytest.raises(ValidationError, match="has it already"):
        runs.approve(alice, run)


def test_what_is_not_planned_yet_is_not_approved(alice: User, bob: User) -> None:
    run = make_run(make_node()[0], make_policy(), needs_approval=True, requested_by=alice)
    with pytest.raises(ValidationError, match="not planned yet"):
        runs.approve(bob, run)
    assert not Command.objects.exists()


def test_who_saved_a_policy_does_not_approve_its_scheduled_runs(alice: User, bob: User) -> None:
    policy = save(alice, needs_approval=True)
    run = make_run(make_node()[0], policy, state="held", needs_approval=True, cause="schedule")
    with pytest.raises(ValidationError, match="Another administrator"):
        runs.approve(alice, run)
    runs.approve(bob, run)


def test_a_preview_of_a_node_that_is_offline_says_so(alice: User) -> None:
    node = make_node()[0]
    (shown,) = runs.preview(alice, make_policy(), [node])
    assert (shown.ok, "offline" in shown.detail) == (False, True)
    assert not Command.objects.exists()


def test_a_policy_with_an_open_run_is_not_deleted(alice: User) -> None:
    policy = make_policy()
    run = make_run(make_node()[0], policy, state="running")
    with pytest.raises(ValidationError, match="not over"):
        policies.delete(alice, policy)
    PurgeRun.objects.update(state="done")
    policies.delete(alice, policy)
    run.refresh_from_db()
    assert (run.policy, run.policy_name != "") == (None, True)


@pytest.mark.parametrize(("minutes", "words"), [(1, "1 minute first"), (2, "2 minutes first")])
def test_one_minute_is_not_many(minutes: int, words: str) -> None:
    policy = PurgePolicy(older_than_days=9, hold_minutes=minutes)
    assert words in sentence(policy, [], [])
