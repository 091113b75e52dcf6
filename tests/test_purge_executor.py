"""How a run is carried out, with an Orthanc that does what a test asks of it."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin import clock
from purge.plugin import spec as specs
from purge.plugin.executor import MAX_FAILURES, STALE
from tests.purge_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_study_that_orthanc_refuses_to_delete_stops_no_other(bench: Bench) -> None:
    bench.orthanc.refused = {"study-1"}
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.failed_count) == ("done", 4, 1)
    assert bench.outcomes()["study-1"] == ("failed", "refused")


def test_nor_does_one_whose_deletion_is_never_answered(bench: Bench) -> None:
    tries: Counter[str] = Counter()
    bench.orthanc.before_delete = lambda study: tries.update([study])
    bench.orthanc.mute = {"study-0"}
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.failed_count) == ("done", 4, 1)
    assert bench.outcomes()["study-0"] == ("failed", "unanswered")
    assert tries["study-0"] == MAX_FAILURES


def test_a_study_about_which_orthanc_answers_oddly_is_kept(bench: Bench) -> None:
    del bench.orthanc.studies["study-2"]["ParentPatient"]
    ident = bench.start()
    bench.work()
    assert bench.run(ident).deleted_count == 4
    assert bench.outcomes()["study-2"] == ("kept", "cannot_tell")


def test_nor_does_one_that_orthanc_never_answers_about(bench: Bench) -> None:
    bench.orthanc.unanswered = {"study-4"}
    ident = bench.start()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 4, 1)
    assert "study-4" in bench.orthanc.studies


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [0, 1, 3])
def test_after_a_crash_nothing_is_done_twice_or_forgotten(bench: Bench, after: int) -> None:
    ident = bench.start()

    def crash(study: str) -> None:
        if len(bench.orthanc.deleted) == after:
            raise Crash

    bench.orthanc.before_delete = crash
    with pytest.raises(Crash):
        bench.work()
    bench.orthanc.before_delete = lambda study: None
    bench.reopen()
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("done", 5, 0)
    assert sorted(bench.orthanc.deleted) == sorted(bench.outcomes())
    assert set(bench.outcomes().values()) == {("deleted", "")}


def test_what_somebody_else_deleted_is_not_counted_as_deleted(bench: Bench) -> None:
    ident = bench.start(hold_minutes=1)
    bench.work(2)
    bench.orthanc.studies.pop("study-3")
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.work()
    run = bench.run(ident)
    assert (run.deleted_count, run.kept_count) == (4, 1)
    assert bench.outcomes()["study-3"] == ("kept", "gone")


def test_a_run_is_held_until_its_time_has_come(bench: Bench) -> None:
    ident = bench.start(hold_minutes=5)
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("held", [])
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.work()
    assert bench.run(ident).state == "done"


def test_a_run_that_needs_approval_waits_for_it(bench: Bench) -> None:
    ident = bench.start(approval=True)
    bench.work()
    assert bench.orthanc.deleted == []
    assert bench.command("purge_approve", run=ident, by="bob")["ok"]
    bench.work()
    assert bench.run(ident).state == "done"


def test_a_held_run_does_not_begin_while_nobody_could_stop_it(bench: Bench) -> None:
    ident = bench.start()
    bench.state.heard_at = clock.now() - 600
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("held", [])
    bench.state.heard_at = clock.now() - STALE - 1
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("refused", [])


def test_a_run_is_stopped_between_two_studies(bench: Bench) -> None:
    ident = bench.start()

    def cancel(study: str) -> None:
        if len(bench.orthanc.deleted) == 1:
            bench.command("purge_cancel", run=ident, by="bob")

    bench.orthanc.before_delete = cancel
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count, run.kept_count) == ("cancelled", 2, 3)
    assert run.detail == "Cancelled by bob."
    assert Counter(bench.outcomes().values()) == {("deleted", ""): 2, ("kept", "cancelled"): 3}


def test_a_run_that_was_cancelled_before_it_came_never_begins(bench: Bench) -> None:
    ident = str(uuid.uuid4())
    bench.command("purge_cancel", run=ident, by="bob")
    terms = specs.of_endpoint("20191231", [], clock.now())
    about = {"policy": None, "cause": "manual", "hold_minutes": 0, "needs_approval": False}
    bench.command("purge_run", run=ident, spec=terms, **about)
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("cancelled", [])


def test_the_rate_is_limited(bench: Bench) -> None:
    bench.start(per_minute=1)
    bench.work()
    assert len(bench.orthanc.deleted) == 1


def test_a_full_disk_is_freed_until_it_is_below_the_watermark(bench: Bench) -> None:
    def free(study: str) -> None:
        bench.disk = (bench.disk[0] - 5, 100)

    bench.orthanc.before_delete = free
    bench.disk = (90, 100)
    ident = bench.start(watermark=[85, 80])
    bench.work(2)
    assert bench.run(ident).planned_count == 1


def test_a_disk_with_room_starts_nothing(bench: Bench) -> None:
    bench.disk = (84, 100)
    ident = bench.start(watermark=[85, 80])
    bench.work()
    run = bench.run(ident)
    assert (run.state, run.deleted_count) == ("done", 0)
    assert "84 % full" in run.detail


@pytest.mark.parametrize(
    "spec",
    [
        {"keep_labels": ["keep"]},
        {"basis": "moon"},
        {"last_date": "20191301"},
        {"condition": {"unknown": 1}},
        {"made_at": 4e9},
        {"max_studies": "many"},
    ],
)
def test_terms_that_cannot_be_gone_by_are_refused_with_a_warning(
    spec: dict[str, Any], bench: Bench
) -> None:
    ident = bench.start(**spec)
    bench.work()
    assert (bench.run(ident).state, bench.orthanc.deleted) == ("refused", [])
    assert [each["code"] for each in bench.warnings.as_list()] == ["purge_refused"]


def test_a_call_of_the_endpoint_goes_before_other_runs(bench: Bench) -> None:
    bench.start(hold_minutes=60)
    ident, over = bench.purge.start_since("20191231")
    bench.work()
    assert over.is_set()
    run = bench.purge.finish_since(ident)
    assert run is not None and run.deleted_count == 5
