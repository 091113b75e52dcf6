"""What nobody foresaw stops no other run, and never makes the history tell something else than what was done."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin.orthanc_client import OrthancDown, OrthancError
from purge.plugin.endpoint import Endpoint
from purge.plugin.executor import Executor
from tests.purge_bench import Bench


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def fail_about(bench: Bench, part: str, error: Exception) -> None:
    def answer(path: str) -> None:
        if part in path:
            raise error

    bench.orthanc.before_answer = answer


def crash_at(bench: Bench, study: str) -> None:
    """Die right after this study was deleted."""

    def crash(deleted: str) -> None:
        if deleted == study:
            raise Crash

    bench.orthanc.after_delete = crash
    with pytest.raises(Crash):
        bench.work()
    bench.orthanc.after_delete = lambda study: None
    bench.reopen()


@pytest.mark.parametrize("error", [OrthancError(500, 9, "database"), OrthancDown("timed out")])
def test_a_study_that_cannot_be_looked_at_stops_no_plan(bench: Bench, error: Exception) -> None:
    for study in bench.orthanc.studies.values():
        study["LastUpdate"] = "20250101T000000"
    fail_about(bench, "/studies/study-2/series?expand", error)
    ident = bench.start(basis="received", cutoff=1700000000.0)
    bench.work()
    assert bench.run(ident).state == "done"
    assert bench.outcomes()["study-2"] == ("kept", "cannot_tell")


def test_a_study_that_is_listed_oddly_stops_no_plan(bench: Bench) -> None:
    del bench.orthanc.studies["study-2"]["Series"]
    ident = bench.start()
    bench.work()
    assert (bench.run(ident).state, bench.run(ident).deleted_count) == ("done", 4)


def test_a_disk_that_cannot_be_measured_ends_the_run_with_the_reason(bench: Bench) -> None:
    def measure() -> tuple[int, int]:
        raise FileNotFoundError("OrthancStorage")

    bench.measure = measure
    ident = bench.start(watermark=[80, 70])
    bench.work()
    assert bench.run(ident).state == "refused"
    assert "How full the disk" in bench.run(ident).detail
    assert bench.orthanc.deleted == []


def test_a_study_that_arrives_during_the_plan_makes_no_other_count_twice(bench: Bench) -> None:
    bench.orthanc.page = 2

    def answer(path: str) -> None:
        if "since=2&" in path:
            bench.orthanc.studies["study--first"] = bench.orthanc._study("study--first")

    bench.orthanc.before_answer = answer
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.planned_count, run.deleted_count, run.kept_count) == (5, 5, 0)


def test_a_run_whose_study_cannot_be_told_of_after_a_crash_goes_on(bench: Bench) -> None:
    ident = bench.start()
    crash_at(bench, "study-1")
    fail_about(bench, "/studies/study-3", OrthancError(500, 9, "database"))
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 4, 1)
    assert bench.outcomes()["study-3"] == ("kept", "cannot_tell")


def test_what_was_deleted_is_in_the_report_although_it_could_not_be_written_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failures = Executor._account, [sqlite3.OperationalError("disk full")]

    def account(executor: Executor, run: Any, outcome: Any) -> None:
        if outcome.numbers and failures:
            raise failures.pop()
        original(executor, run, outcome)

    monkeypatch.setattr(Executor, "_account", account)
    monkeypatch.setattr("purge.plugin.executor.RETRY_AFTER", 0.0)
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 5, 0)
    assert set(bench.outcomes().values()) == {("deleted", "")}
    assert bench.warnings.as_list() == []


def test_a_deletion_that_was_done_without_an_answer_is_that_of_the_run(bench: Bench) -> None:
    def lose_the_answer(study: str) -> None:
        if study == "study-2":
            raise OrthancDown("timed out")

    bench.orthanc.after_delete = lose_the_answer
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 5, 0)
    assert bench.outcomes()["study-2"] == ("deleted", "")


def test_what_was_deleted_before_a_crash_is_told_when_the_run_is_refused_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = bench.start()
    crash_at(bench, "study-1")
    monkeypatch.setattr("orthanc_console.plugin.clock.now", lambda: 1000.0)
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("cancelled", 2, 3)
    assert "clock" in run.detail


def test_a_run_that_fails_in_an_unforeseen_way_stops_no_other_and_can_be_cancelled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = bench.start()
    original = Executor._plan

    def plan(executor: Executor, run: Any, spec: Any) -> None:
        if run.id == stuck:
            raise ZeroDivisionError
        original(executor, run, spec)

    monkeypatch.setattr(Executor, "_plan", plan)
    other = bench.start()
    bench.work()
    assert (bench.run(stuck).state, bench.run(other).state) == ("planning", "done")
    assert [each["code"] for each in bench.warnings.as_list()] == ["purge_stuck"]
    bench.command("purge_cancel", run=stuck, by="alice")
    bench.executor._stuck_until.clear()
    bench.work()
    assert bench.run(stuck).state == "cancelled"


def test_the_route_deletes_nothing_before_the_console_told_what_has_to_be_kept(
    bench: Bench,
) -> None:
    reply = Endpoint(bench.purge).answer("GET", {"since": "20191231"}, b"")
    assert (reply.status, bench.orthanc.deleted) == (503, [])
    assert "Nothing was deleted" in reply.text
