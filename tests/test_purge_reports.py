"""What nodes report of purges, on its way into the tables."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from purge.models import PurgedStudy, PurgeRun, PurgeSettings
from tests.agent import Agent
from tests.factories import event, make_node, make_study
from tests.purge_things import line_report, make_policy, make_run, run_report

pytestmark = pytest.mark.django_db


def test_a_run_that_the_node_began_itself_is_kept() -> None:
    agent = Agent()
    ident = str(uuid.uuid4())
    report = run_report(ident, planned_count=3, deleted_count=2, kept_count=1, bytes_freed=2**40)
    agent.sync(events=[event("purge.run", report)])
    run = PurgeRun.objects.get()
    assert (str(run.pk), run.node, run.cause, run.state) == (ident, agent.node, "endpoint", "done")
    assert (run.deleted_count, run.bytes_freed) == (2, 2**40)


def test_the_newest_report_counts_in_whatever_order_they_come() -> None:
    agent = Agent()
    ident = str(uuid.uuid4())
    newer = event("purge.run", run_report(ident, "done", deleted_count=5), seq=20)
    older = event("purge.run", run_report(ident, "running", deleted_count=2), seq=10)
    agent.sync(events=[newer])
    agent.sync(events=[older])
    assert PurgeRun.objects.get().state == "done"


def test_what_the_console_asked_for_stays_with_its_policy() -> None:
    agent = Agent()
    policy = make_policy()
    run = make_run(agent.node, policy, requested_by_name="alice", needs_approval=True)
    agent.sync(events=[event("purge.run", run_report(str(run.pk), "held", planned_count=7))])
    run.refresh_from_db()
    assert (run.state, run.planned_count, run.policy) == ("held", 7, policy)
    assert (run.requested_by_name, run.needs_approval) == ("alice", True)


def test_studies_are_kept_with_their_identifiers_and_linked() -> None:
    agent = Agent()
    known = make_study(agent.node, orthanc_id="study-a")
    ident = str(uuid.uuid4())
    proof = {"destination": 3, "name": "PACS_B", "at": "2026-11-24T21:00:00.000Z"}
    deleted = {
        "study": "study-a",
        "accession_number": "123",
        "instance_count": 12,
        "size_bytes": 2**33,
        "modalities": ["CT"],
        "verified": [proof],
    }
    kept = {"study": "study-b", "outcome": "kept", "reason": "protected"}
    agent.sync(
        events=[
            event("purge.run", run_report(ident)),
            event("purge.study", line_report(ident, deleted, kept), seq=50),
        ]
    )
    line = PurgedStudy.objects.get(orthanc_id="study-a")
    assert (line.study, line.accession_number, line.verified) == (known, "123", [proof])
    assert PurgedStudy.objects.get(orthanc_id="study-b").reason == "protected"
    known.refresh_from_db()
    assert known.deleted_at is not None


def test_a_study_that_was_planned_becomes_deleted_not_the_other_way_round() -> None:
    agent = Agent()
    ident = str(uuid.uuid4())
    planned = line_report(ident, {"study": "study-a", "outcome": "planned"})
    deleted = line_report(ident, {"study": "study-a"})
    agent.sync(events=[event("purge.study", deleted, seq=9)])
    agent.sync(events=[event("purge.study", planned, seq=8)])
    assert PurgedStudy.objects.get().outcome == "deleted"


def test_studies_may_be_reported_before_their_run() -> None:
    agent = Agent()
    ident = str(uuid.uuid4())
    agent.sync(events=[event("purge.study", line_report(ident, {"study": "study-a"}), seq=5)])
    agent.sync(events=[event("purge.run", run_report(ident, deleted_count=1), seq=6)])
    run = PurgeRun.objects.get()
    assert (run.state, run.deleted_count, run.studies.count()) == ("done", 1, 1)


def test_another_nodes_run_is_not_touched() -> None:
    agent, (other, _secret) = Agent(), make_node()
    run = make_run(other, state="held")
    said = agent.sync(events=[event("purge.run", run_report(str(run.pk), "done"))])
    agent.sync(events=[event("purge.study", line_report(str(run.pk), {"study": "study-a"}))])
    run.refresh_from_db()
    assert run.state == "held"
    assert "Another node" in said["set_aside"][0]["reason"]
    assert not PurgedStudy.objects.exists()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("purge.run", {}),
        ("purge.run", run_report("no uuid")),
        ("purge.run", run_report(state="melted")),
        ("purge.run", run_report(deleted_count=-1)),
        ("purge.run", run_report(bytes_freed="many")),
        ("purge.study", {}),
        ("purge.study", line_report(str(uuid.uuid4()), {"study": ""})),
        ("purge.study", line_report(str(uuid.uuid4()), {"study": "a", "outcome": "eaten"})),
        ("purge.study", {"run": str(uuid.uuid4()), "studies": "all"}),
    ],
)
def test_what_makes_no_sense_is_set_aside(kind: str, data: dict[str, object]) -> None:
    said = Agent().sync(events=[event(kind, data)])
    assert len(said["set_aside"]) == 1
    assert not PurgeRun.objects.exists()


def test_a_run_that_its_node_forgot_ends_so_that_others_can_begin() -> None:
    agent = Agent()
    old = timezone.now() - timedelta(minutes=5)
    forgotten = make_run(agent.node, state="running", created_at=old)
    known = make_run(agent.node, state="held", created_at=old)
    asked_for = make_run(agent.node, state="requested", created_at=old)
    status = {"purge": {"open_runs": [str(known.pk)]}, "outbox": 3}
    agent.sync(status=status)
    forgotten.refresh_from_db()
    assert forgotten.state == "running"
    agent.sync(status={**status, "outbox": 0})
    for run, state in ((forgotten, "cancelled"), (known, "held"), (asked_for, "requested")):
        run.refresh_from_db()
        assert run.state == state


def test_a_node_is_told_which_labels_protect() -> None:
    agent, (other, _secret) = Agent(), make_node()
    PurgeSettings.objects.create(pk=1, endpoint_enabled=False, keep_labels=["teaching"])
    make_policy(keep_labels=["trial"])
    make_policy(keep_labels=["elsewhere"], nodes=[other])
    make_policy(keep_labels=["off"], enforcement="disabled")
    config = agent.sync()["config"]["purge"]
    assert (config["endpoint"], config["keep_labels"]) == (False, ["teaching", "trial"])
