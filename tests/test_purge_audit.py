"""What the audit trail says of purge runs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from purge.services import runs
from tests.agent import Agent
from tests.factories import event, make_node
from tests.purge_things import make_line, make_policy, make_run, run_report

pytestmark = pytest.mark.django_db


def ended() -> list[tuple[str, str]]:
    entries = AuditEvent.objects.filter(verb="purge_run.ended")
    return [(entry.actor_name, entry.message) for entry in entries]


@pytest.mark.parametrize(
    ("values", "who"),
    [
        ({"cause": "schedule", "requested_by_name": "scheduler"}, "scheduler"),
        ({"cause": "manual", "requested_by_name": "alice"}, "alice"),
    ],
)
@pytest.mark.parametrize("state", ["done", "cancelled"])
def test_a_run_that_deleted_is_there_once_with_its_counts(
    state: str, values: dict[str, Any], who: str
) -> None:
    agent = Agent()
    run = make_run(agent.node, make_policy(), state="running", **values)
    for seq in (7, 8):
        report = run_report(str(run.pk), state, deleted_count=21, kept_count=1)
        agent.sync(events=[event("purge.run", report, seq)])
    assert ended() == [(who, "deleted 21, kept 1")]


def test_so_is_a_call_of_the_route_by_the_name_of_its_node() -> None:
    agent = Agent("gateway")
    counts = {"deleted_count": 1200, "kept_count": 3, "failed_count": 1}
    agent.sync(events=[event("purge.run", run_report(str(uuid.uuid4()), "done", **counts))])
    assert ended() == [("gateway", "deleted 1,200, kept 3, failed 1")]


def test_one_that_is_not_over_or_deleted_nothing_is_not() -> None:
    agent = Agent()
    agent.sync(events=[event("purge.run", run_report(None, "running", deleted_count=2), 1)])
    agent.sync(events=[event("purge.run", run_report(None, "done", kept_count=9), 2)])
    assert ended() == []


def test_who_cancels_or_approves_a_run_leaves_how_much_it_was_about(alice: User) -> None:
    node = make_node()[0]
    planned = {"planned_at": timezone.now(), "planned_count": 22, "needs_approval": True}
    runs.approve(alice, make_run(node, make_policy(), state="held", **planned))
    runs.cancel(alice, make_run(node, make_policy(), state="held", **planned))
    runs.cancel(alice, make_run(node, make_policy(), state="running", deleted_count=5))
    told = list(AuditEvent.objects.order_by("pk").values_list("message", flat=True))
    assert told == ["22 studies planned", "22 studies planned", "deleted 5, kept 0"]


def test_studies_that_are_taken_out_are_named_by_their_uids_and_never_by_patient(
    alice: User,
) -> None:
    run = make_run(make_node()[0], make_policy(), state="held")
    line = make_line(run, "planned", study_instance_uid="1.2.3", patient_name="Doe^Jane")
    runs.keep(alice, run, [line.orthanc_id])
    entry = AuditEvent.objects.get(verb="purge_run.changed")
    assert (entry.message, entry.changes) == ("1 study taken out", {"keep": [None, ["1.2.3"]]})
