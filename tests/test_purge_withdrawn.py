"""A policy that is disabled or means something else ends its runs, in the console and on the nodes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command
from orthanc_console.plugin import clock
from orthanc_console.plugin.sync import Sync
from purge.models import PurgePolicy, PurgeRun
from purge.plugin.executor import WITHDRAWN
from purge.services import policies, runs
from tests.agent import Agent
from tests.factories import event, make_modality, make_node
from tests.purge_bench import Bench
from tests.purge_things import make_policy, make_run, run_report

OPEN = ("requested", "planning", "held", "running")


def change(actor: User, policy: PurgePolicy, **values: Any) -> PurgePolicy:
    related = {
        "nodes": values.pop("nodes", list(policy.nodes.all())),
        "require_delivered_to": values.pop("require_delivered_to", []),
    }
    for name, value in values.items():
        setattr(policy, name, value)
    return policies.save(actor, policy, **related)


@pytest.mark.django_db
@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize(
    ("enforcement", "why"), [("disabled", "was disabled"), ("dry_run", "was made a dry run")]
)
def test_a_policy_that_may_not_delete_any_more_ends_its_runs(
    state: str, enforcement: str, why: str, alice: User
) -> None:
    policy = make_policy()
    run = make_run(make_node()[0], policy, state=state)
    saved = policies.set_enforcement(alice, policy, enforcement)
    run.refresh_from_db()
    assert saved.cancelled_runs == 1
    assert run.detail == f"Cancelled by alice, because the policy {why}."
    assert run.state == ("cancelled" if state == "requested" else state)
    command = Command.objects.get(kind="purge_cancel")
    assert (command.data["run"], command.data["why"]) == (str(run.pk), run.detail)
    entry = AuditEvent.objects.get(verb="purge_run.cancelled")
    assert entry.message.startswith(f"cancelled, because the policy {why}")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"expression": 'Modality == "US"'},
        {"older_than_days": 7},
        {"age_basis": "received"},
        {"undated": "received"},
        {"time_zone": "Europe/Berlin"},
        {"min_days_since_received": 3},
        {"keep_labels": ["teaching"]},
        {"max_studies_per_run": 3},
        {"max_bytes_per_run": 3},
        {"studies_per_minute": 3},
        {"watermark_start": 80, "watermark_stop": 70},
        {"needs_approval": True},
    ],
)
def test_an_edit_that_means_something_else_ends_what_was_begun_before(
    values: dict[str, Any], alice: User
) -> None:
    policy = make_policy()
    key = policy.terms_key
    run = make_run(make_node()[0], policy, state="held")
    assert change(alice, policy, **values).cancelled_runs == 1
    run.refresh_from_db()
    assert run.cancelling == "Cancelled by alice, because the policy was changed."
    assert PurgePolicy.objects.get().terms_key != key


@pytest.mark.django_db
def test_so_do_other_nodes_and_destinations(alice: User) -> None:
    node, pacs = make_node()[0], make_modality()
    policy = make_policy()
    make_run(node, policy, state="held")
    assert change(alice, policy, nodes=[node]).cancelled_runs == 1
    PurgeRun.objects.update(state="cancelled")
    make_run(node, policy, state="held")
    assert change(alice, policy, nodes=[node], require_delivered_to=[pacs]).cancelled_runs == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [{"name": "n"}, {"schedule": "0 3 * * *"}, {"missed": "skip"}, {"hold_minutes": 5}, {}],
)
def test_another_name_or_time_leaves_runs_alone(values: dict[str, Any], alice: User) -> None:
    policy = make_policy()
    key = policy.terms_key
    run = make_run(make_node()[0], policy, state="held")
    assert change(alice, policy, **values).cancelled_runs == 0
    run.refresh_from_db()
    assert (run.cancelling, PurgePolicy.objects.get().terms_key) == ("", key)
    assert not Command.objects.exists()


@pytest.mark.django_db
def test_the_page_and_the_api_do_the_same_and_the_page_says_so(
    alice: User, alice_client: Client
) -> None:
    policy = make_policy()
    run = make_run(make_node()[0], policy, state="held")
    url = reverse("policy-enforcement", args=(policy.pk,))
    page = alice_client.post(url, {"enforcement": "disabled"}, follow=True).content.decode()
    assert "1 run that was not over is cancelled." in page
    page = alice_client.get(reverse("purge", args=(run.pk,))).content.decode()
    assert "because the policy was disabled" in page
    assert reverse("purge-cancel", args=(run.pk,)) not in page
    PurgeRun.objects.update(state="cancelled")
    run = make_run(make_node()[0], policy, state="running")
    alice_client.patch(
        f"/api/v1/purge-policies/{policy.pk}/",
        {"older_than_days": 3},
        content_type="application/json",
    )
    told = alice_client.get(f"/api/v1/purge-runs/{run.pk}/").json()
    assert told["detail"] == "Cancelled by alice, because the policy was changed."


@pytest.mark.django_db
def test_a_run_is_cancelled_once(alice: User) -> None:
    policy = make_policy()
    run = make_run(make_node()[0], policy, state="held", needs_approval=True)
    runs.cancel(alice, run)
    for act in (runs.cancel, runs.approve, lambda user, run: runs.keep(user, run, ["a"])):
        with pytest.raises(ValidationError, match="cancelled already"):
            act(alice, run)
    assert policies.set_enforcement(alice, policy, "disabled").cancelled_runs == 0
    assert AuditEvent.objects.filter(verb="purge_run.cancelled").count() == 1


@pytest.mark.django_db
def test_why_a_run_was_cancelled_stays_when_its_node_reports_less(alice: User) -> None:
    agent, policy = Agent(), make_policy()
    run = make_run(agent.node, policy, state="held")
    policies.set_enforcement(alice, policy, "disabled")
    report = run_report(str(run.pk), "cancelled", detail="Cancelled by alice.")
    agent.sync(events=[event("purge.run", report)])
    run.refresh_from_db()
    assert (run.state, "disabled" in run.detail) == ("cancelled", True)


@pytest.mark.django_db
def test_a_node_is_told_which_policies_may_delete_there() -> None:
    agent, other = Agent(), make_node()[0]
    everywhere, here = make_policy(), make_policy(nodes=[agent.node])
    make_policy(nodes=[other])
    make_policy(enforcement="dry_run")
    make_policy(enforcement="disabled")
    told = agent.sync()["config"]["purge"]["policies"]
    assert told == {str(p.pk): str(p.terms_key) for p in (everywhere, here)}


@pytest.mark.django_db
def test_the_cancelling_of_a_purge_comes_before_all_else_that_waits(alice: User) -> None:
    agent = Agent()
    run = make_run(agent.node, make_policy(), state="held")
    Command.objects.bulk_create(
        Command(node=agent.node, kind="look_for_studies", data={}) for _ in range(150)
    )
    runs.cancel(alice, run)
    assert agent.sync()["commands"][0]["kind"] == "purge_cancel"


@pytest.mark.django_db
def test_what_ends_or_changes_a_run_is_in_each_answer_until_the_node_did_it(alice: User) -> None:
    agent = Agent()
    run = make_run(agent.node, make_policy(), state="held")
    runs.keep(alice, run, ["study-1"])
    runs.cancel(alice, run)
    kinds = ["purge_keep", "purge_cancel"]
    # The node got the first answer, or it did not.
    answers = [agent.sync()["commands"] for _ in range(2)]
    assert [[command["kind"] for command in each] for each in answers] == [kinds, kinds]
    done = [{"command": command["id"], "ok": True} for command in answers[0]]
    assert agent.sync(results=done)["commands"] == []


# On the node


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def config(policies: dict[str, str] | None, revision: int = 2) -> dict[str, Any]:
    purge = {"endpoint": True, "keep_labels": []}
    told = purge if policies is None else {**purge, "policies": policies}
    node = {"id": 1, "name": "n"}
    return {"revision": revision, "node": node, "destinations": [], "rules": [], "purge": told}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, "cancelled"),
        ({"1": "new"}, "cancelled"),
        ({"2": "old"}, "cancelled"),
        ({"1": "old"}, "done"),
        (None, "done"),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_begins_and_goes_on_only_under_the_terms_that_are_in_force(
    told: dict[str, str] | None, state: str, after: int, bench: Bench
) -> None:
    ident = bench.start(terms="old", per_minute=0)
    bench.orthanc.before_delete = lambda study: (
        bench.purge.configure(config(told)) if len(bench.orthanc.deleted) == 1 else None
    )
    if after < 2:
        bench.work(after)
        bench.purge.configure(config(told))
    bench.work()
    run = bench.run(ident)
    assert run.state == state
    if state == "cancelled":
        assert run.detail == WITHDRAWN
        assert run.deleted_count == (2 if after == 2 else 0)


def test_a_dry_run_and_a_call_of_the_route_need_no_policy_in_force(bench: Bench) -> None:
    dry = bench.start(terms="old", dry_run=True)
    bench.purge.configure(config({}))
    bench.work()
    assert bench.run(dry).state == "done"
    route, _over = bench.purge.start_since("20191231")
    bench.work()
    assert bench.run(route).state == "done"


def test_what_is_in_force_outlives_a_restart_and_what_was_heard_before_does_not(
    bench: Bench,
) -> None:
    ident = bench.start(hold_minutes=1)
    bench.work(2)
    bench.reopen()
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("held", [])
    bench.state.hear(clock.now() + 0.01)
    bench.work()
    assert bench.run(ident).state == "done"


class Console:
    """Answers one call; the purge thread works whenever it can."""

    def __init__(self, answer: dict[str, Any], meanwhile: Callable[[], Any]) -> None:
        self._answer, self._meanwhile = answer, meanwhile

    def sync(self, request: dict[str, Any]) -> dict[str, Any]:
        self._meanwhile()
        return self._answer


CANCEL = {"id": "c1", "kind": "purge_cancel"}


@pytest.mark.parametrize("by", ["configuration", "command", "both"])
def test_a_node_that_was_away_takes_what_was_cancelled_before_it_begins_anything(
    by: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = bench.start(hold_minutes=1, terms="old")
    bench.work(2)
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.state.heard_at = clock.now() - 600
    answer: dict[str, Any] = {"config": config({"1": "old"}), "commands": []}
    if by != "command":
        answer["config"] = config({}, revision=3)
    if by != "configuration":
        answer["commands"] = [{**CANCEL, "data": {"run": ident, "by": "alice"}}]
    console: Any = Console(answer, bench.work)
    sync = Sync(bench.state, console, bench.warnings, dict, [bench.purge])
    # Between any two steps of the call the purge thread gets its turn.
    for part in ("_take", "_start", "_carry_out"):
        whole = getattr(sync, part)
        monkeypatch.setattr(sync, part, lambda *given, do=whole: (bench.work(), do(*given)))
    hear = bench.state.hear
    monkeypatch.setattr(bench.state, "hear", lambda now: (hear(now), bench.work()))
    sync.listen()
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("cancelled", [])


def test_a_node_that_cannot_read_its_configuration_begins_nothing(bench: Bench) -> None:
    ident = bench.start(terms="old")
    bench.state.heard_at = clock.now() - 600
    console: Any = Console({"config": {"revision": 9}, "commands": []}, lambda: None)
    sync = Sync(bench.state, console, bench.warnings, dict, [bench.purge])
    sync.listen()
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("held", [])


def test_a_run_does_not_begin_while_its_change_could_not_be_written_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = bench.start(hold_minutes=1, terms="old")
    bench.work(2)
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.state.heard_at = clock.now() - 600
    keep = {"id": "k1", "kind": "purge_keep", "data": {"run": ident, "studies": ["study-1"]}}
    console: Any = Console({"config": config({"1": "old"}), "commands": [keep]}, lambda: None)
    obey, failures = bench.purge.commands["purge_keep"], [sqlite3.OperationalError("disk full")]

    def fail_once(ident: str, data: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()
        obey(ident, data)

    monkeypatch.setitem(bench.purge.commands, "purge_keep", fail_once)
    sync = Sync(bench.state, console, bench.warnings, dict, [bench.purge])
    sync.listen()
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("held", [])
    sync.listen()
    bench.work()
    assert bench.run(ident).state == "done"
    assert bench.outcomes()["study-1"] == ("kept", "by_hand")


def test_studies_are_taken_out_of_a_run_that_has_begun(bench: Bench) -> None:
    ident = bench.start(per_minute=1)
    bench.work()
    (first,) = bench.orthanc.deleted
    assert bench.command("purge_keep", run=ident, studies=["study-3", first])["ok"]
    bench.executor._not_before.clear()
    for _ in range(5):
        bench.work()
        bench.executor._not_before.clear()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 4, 1)
    assert "study-3" in bench.orthanc.studies
