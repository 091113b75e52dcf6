from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.utils import timezone

from orthanc_console.nodes.models import Command
from purge import scheduler
from purge.models import PurgePolicy, PurgeRun, PurgeSettings, SchedulerBeat
from tests.factories import make_node
from tests.purge_things import make_policy, make_run

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


@pytest.mark.django_db
def test_what_is_due_starts_once_on_every_node() -> None:
    make_node()
    make_node()
    policy = make_policy(schedule="*/10 * * * *", scheduled_until=START)
    for minute in range(31):
        scheduler.tick(minutes(minute))
        scheduler.tick(minutes(minute + 0.5))
        PurgeRun.objects.filter(state="requested").update(state="done")
    due = [minutes(10), minutes(20), minutes(30)]
    assert sorted(policy.runs.values_list("due_at", flat=True)) == sorted([*due, *due])
    assert Command.objects.filter(kind="purge_run").count() == 6


@pytest.mark.django_db
def test_a_clock_that_was_ahead_once_does_not_stop_a_schedule() -> None:
    make_node()
    policy = make_policy(schedule="*/10 * * * *", scheduled_until=START)
    years = 4 * 365 * 24 * 60
    scheduler.tick(minutes(years))
    PurgeRun.objects.all().delete()
    for minute in range(1, 31):
        scheduler.tick(minutes(minute))
        PurgeRun.objects.filter(state="requested").update(state="done")
    due = [minutes(10), minutes(20), minutes(30)]
    assert sorted(policy.runs.values_list("due_at", flat=True)) == due


@pytest.mark.django_db
def test_a_disabled_policy_does_not_run() -> None:
    make_node()
    make_policy(schedule="* * * * *", enforcement="disabled", scheduled_until=START)
    scheduler.tick(minutes(5))
    assert not PurgeRun.objects.exists()


@pytest.mark.django_db
def test_a_missed_run_starts_late_once_with_a_note() -> None:
    make_node()
    make_policy(schedule="*/10 * * * *", missed="late", scheduled_until=START)
    scheduler.tick(minutes(55))
    scheduler.tick(minutes(56))
    run = PurgeRun.objects.get()
    assert (run.due_at, run.state) == (minutes(50), "requested")
    assert "Started 5 minutes late" in run.detail


@pytest.mark.django_db
def test_or_it_is_skipped_with_a_note() -> None:
    make_node()
    make_policy(schedule="*/10 * * * *", missed="skip", scheduled_until=START)
    scheduler.tick(minutes(55))
    run = PurgeRun.objects.get()
    assert (run.state, "not running" in run.detail) == ("skipped", True)
    assert not Command.objects.exists()


@pytest.mark.django_db
def test_a_run_that_is_not_over_makes_the_next_one_skip() -> None:
    node, _secret = make_node()
    policy = make_policy(schedule="*/10 * * * *", scheduled_until=START)
    make_run(node, policy, state="running")
    scheduler.tick(minutes(10))
    assert policy.runs.get(due_at=minutes(10)).state == "skipped"


@pytest.mark.django_db
def test_a_run_that_its_node_never_took_is_given_up() -> None:
    node, _secret = make_node()
    run = make_run(node, make_policy(), created_at=minutes(0))
    scheduler.tick(minutes(59))
    run.refresh_from_db()
    assert run.state == "requested"
    scheduler.tick(minutes(61))
    run.refresh_from_db()
    assert (run.state, run.finished_at) == ("skipped", minutes(61))


@pytest.mark.django_db
def test_a_policy_that_fails_stops_no_other_and_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_node()
    broken = make_policy("broken", schedule="* * * * *", scheduled_until=START)
    make_policy("sound", schedule="* * * * *", scheduled_until=START)
    PurgePolicy.objects.filter(pk=broken.pk).update(schedule="nonsense")
    scheduler.tick(minutes(1))
    assert [run.policy_name for run in PurgeRun.objects.all()] == ["sound"]
    assert "nonsense" in SchedulerBeat.objects.get().error
    PurgePolicy.objects.filter(pk=broken.pk).update(schedule="")
    scheduler.tick(minutes(2))
    assert SchedulerBeat.objects.get().error == ""


@pytest.mark.django_db
def test_a_policy_whose_nodes_are_gone_does_not_mean_every_node() -> None:
    node, _secret = make_node()
    make_node()
    policy = make_policy(schedule="* * * * *", nodes=[node], scheduled_until=START)
    policy.nodes.clear()
    scheduler.tick(minutes(1))
    assert not PurgeRun.objects.exists()
    assert "are gone" in SchedulerBeat.objects.get().error


@pytest.mark.django_db
def test_history_is_kept_for_ever_unless_the_settings_say_for_how_long() -> None:
    node, _secret = make_node()
    old = make_run(node, state="done", created_at=timezone.now() - timedelta(days=400))
    scheduler.tick()
    assert PurgeRun.objects.filter(pk=old.pk).exists()
    PurgeSettings.objects.create(pk=1, history_days=365)
    scheduler.tick(timezone.now() + timedelta(days=1))
    assert not PurgeRun.objects.filter(pk=old.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_consoles_start_every_due_run_once_in_200_minutes() -> None:
    make_node()
    make_policy("three", schedule="*/3 * * * *", scheduled_until=START)
    make_policy("seven", schedule="*/7 * * * *", scheduled_until=START)
    errors: list[BaseException] = []
    barrier = threading.Barrier(2, timeout=60)

    def console() -> None:
        try:
            for minute in range(1, 201):
                barrier.wait()
                scheduler.tick(minutes(minute))
                barrier.wait()
                PurgeRun.objects.filter(state="requested").update(state="done")
        except BaseException as error:
            errors.append(error)
            barrier.abort()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=console) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert SchedulerBeat.objects.get().failed_at is None
    for name, every in (("three", 3), ("seven", 7)):
        found = PurgeRun.objects.filter(policy_name=name).order_by("due_at")
        expected = [minutes(m) for m in range(1, 201) if minutes(m).minute % every == 0]
        assert [run.due_at for run in found] == expected
        assert {run.state for run in found} == {"done"}
    assert Command.objects.filter(kind="purge_run").count() == PurgeRun.objects.count()
