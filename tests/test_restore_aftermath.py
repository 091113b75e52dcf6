"""What a restored console does so that its nodes, which have gone on, and itself mean the same things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from orthanc_console.keeping import aftermath
from orthanc_console.nodes.models import Command, ConfigRevision
from purge import scheduler
from purge.models import PurgePolicy, PurgeRun, PurgeSettings
from purge.services import runs
from tests.agent import Agent
from tests.factories import event, make_modality, make_node, make_rule, make_study
from tests.purge_things import make_policy, make_run

pytestmark = pytest.mark.django_db
YESTERDAY = timedelta(days=1)


def settle(made_at: datetime | None = None, keep_purging: bool = False) -> list[str]:
    return aftermath.settle("default", made_at or timezone.now() - YESTERDAY, "0.1.0", keep_purging)


def test_a_node_takes_the_restored_configuration_whatever_number_it_has() -> None:
    agent = Agent()
    ConfigRevision.objects.update_or_create(pk=1, defaults={"number": 10})
    settle()
    # The node saw revisions up to 13, and three more changes are made before it calls again.
    for _ in range(3):
        ConfigRevision.bump()
    assert "config" in agent.sync(config_revision=13)


def test_numbers_that_nodes_may_know_are_not_given_out_again() -> None:
    before = make_modality().pk
    rule = make_rule().pk
    settle()
    first = make_modality().pk
    assert first > before + YESTERDAY.total_seconds()
    assert make_rule().pk > rule + YESTERDAY.total_seconds()
    # Restored from the same file a second time, somewhat later.
    settle(timezone.now() - 2 * YESTERDAY)
    assert make_modality().pk > first + YESTERDAY.total_seconds()


def test_a_backup_from_the_future_leaves_room_all_the_same() -> None:
    before = make_modality().pk
    settle(datetime(2099, 1, 1, tzinfo=UTC))
    assert make_modality().pk > before + 100


def test_a_command_that_may_have_been_carried_out_is_not_sent_again() -> None:
    agent = Agent()
    command = Command.objects.create(node=agent.node, kind="send", data={})
    settle()
    command.refresh_from_db()
    assert command.ok is False
    assert "not known" in command.detail
    sent = agent.sync()["commands"]
    assert [each["kind"] for each in sent] == ["report_again", "purge_report_again"]


def test_nodes_look_for_the_studies_that_the_backup_takes_to_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aftermath, "MOST_STUDIES", 2)
    agent = Agent()
    there = {make_study(agent.node).orthanc_id for _ in range(3)}
    make_study(agent.node, deleted_at=timezone.now())
    make_study(make_node()[0])
    settle()
    commands = [c for c in agent.sync()["commands"] if c["kind"] == "look_for_studies"]
    assert [len(command["data"]["studies"]) for command in commands] == [2, 1]
    assert {study for command in commands for study in command["data"]["studies"]} == there


def test_nodes_are_asked_to_report_again_from_somewhat_before_the_backup() -> None:
    agent = Agent()
    made_at = timezone.now() - YESTERDAY
    settle(made_at)
    data = agent.sync()["commands"][0]["data"]
    assert datetime.fromisoformat(data["since"]) < made_at


def test_a_purge_that_fell_due_meanwhile_is_not_made_up_for_and_active_ones_are_named() -> None:
    made_at = timezone.now() - YESTERDAY
    policy = PurgePolicy.objects.create(
        name="old", older_than_days=9, schedule="0 3 * * *", enforcement="active"
    )
    PurgePolicy.objects.create(name="by hand", older_than_days=9, enforcement="active")
    assert settle(made_at) == ["by hand", "old"]
    policy.refresh_from_db()
    assert policy.scheduled_until is not None and policy.scheduled_until > made_at + YESTERDAY / 2


def test_a_run_that_ended_meanwhile_ends_as_its_node_tells_again() -> None:
    agent = Agent()
    run = PurgeRun.objects.create(
        node=agent.node,
        cause="schedule",
        state="running",
        created_at=timezone.now() - YESTERDAY,
        last_seq=5,
    )
    settle()
    # The first call, before the node has read what it is asked.
    agent.sync(status={"purge": {"open_runs": []}, "outbox": 0})
    told = {"id": str(run.pk), "state": "done", "cause": "schedule", "deleted_count": 7}
    agent.sync(events=[event("purge.run", {"run": told}, 900)])
    run.refresh_from_db()
    assert (run.state, run.deleted_count, run.detail) == ("done", 7, "")


def test_what_was_about_to_be_purged_ends_and_nothing_is_purged_before_somebody_looked(
    alice: User, alice_client: Client
) -> None:
    agent = Agent()
    policy = make_policy(schedule="0 3 * * *")
    key = policy.terms_key
    states = ("requested", "planning", "held", "running")
    made = {state: make_run(agent.node, policy, state=state) for state in states}
    settle()
    assert PurgeRun.objects.get(pk=made["requested"].pk).state == "cancelled"
    assert not PurgeRun.objects.filter(cancelling="").exists()
    told = agent.sync()
    cancelled = {c["data"]["run"] for c in told["commands"] if c["kind"] == "purge_cancel"}
    assert cancelled == {str(run.pk) for run in made.values()}
    assert told["config"]["purge"]["policies"] == {}
    PurgeRun.objects.all().delete()
    with pytest.raises(ValidationError, match="waits since the restore"):
        runs.start(alice, policy)
    scheduler.tick(timezone.now() + YESTERDAY)
    run = PurgeRun.objects.get()
    assert (run.state, "waits since the restore" in run.detail) == ("skipped", True)
    for page in ("/", reverse("policies"), reverse("policy", args=(policy.pk,))):
        assert "Purging waits since the restore" in alice_client.get(page).content.decode()
    alice_client.post(reverse("purge-go-on"))
    assert AuditEvent.objects.get(verb="purging.went_on").actor == alice
    assert "Purging waits" not in alice_client.get("/").content.decode()
    policy.refresh_from_db()
    told = agent.sync()["config"]["purge"]["policies"]
    assert told == {str(policy.pk): str(policy.terms_key)}
    # What a node began under the terms of before the restore never goes on.
    assert policy.terms_key != key


def test_a_dry_run_does_not_wait(alice: User) -> None:
    make_node()
    make_policy()
    settle()
    (run,) = runs.start(alice, make_policy(enforcement="dry_run"))
    assert run.dry_run


def test_it_does_not_wait_when_that_was_said_or_nothing_is_active() -> None:
    make_policy(enforcement="dry_run")
    settle()
    assert PurgeSettings.load().waits_since is None
    make_policy()
    settle(keep_purging=True)
    assert PurgeSettings.load().waits_since is None
    settle()
    assert PurgeSettings.load().waits_since is not None


def test_the_restore_is_in_the_audit_trail() -> None:
    make_node()
    settle()
    (entry,) = AuditEvent.objects.filter(verb="console.restored")
    assert (entry.actor_name, "0.1.0" in entry.message) == ("restore", True)
