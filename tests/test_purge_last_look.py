"""What happens to a study while a run is at it is seen before it goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin import clock
from purge.plugin.judge import Proof
from purge.plugin.stored import StoredStudy
from routing.plugin.deliveries import Delivery
from routing.plugin.matcher import Destination
from tests.purge_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ago(seconds: float) -> str:
    """A time as this Orthanc tells it, in UTC."""
    return datetime.fromtimestamp(clock.now() - seconds, UTC).strftime("%Y%m%dT%H%M%S")


def grows(study: dict[str, Any]) -> None:
    study["LastUpdate"] = ago(0)


def is_labelled(study: dict[str, Any]) -> None:
    study["Labels"] = ["keep"]


@pytest.mark.parametrize(("change", "reason"), [(grows, "changed"), (is_labelled, "label")])
def test_what_changes_while_destinations_are_asked_keeps_the_study(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, change: Any, reason: str
) -> None:
    for study in bench.orthanc.studies.values():
        study["Labels"] = []
    running: list[str] = []

    def prove(study: StoredStudy, destination: int) -> Proof:
        if running and study.ident == "study-2":
            change(bench.orthanc.studies["study-2"])
        return Proof(clock.now())

    monkeypatch.setattr(StoredStudy, "_prove", prove)
    original = bench.orthanc.get
    system = lambda path, timeout=30: (  # noqa: E731
        {"HasLabels": True} if path == "/system" else original(path, timeout)
    )
    monkeypatch.setattr(bench.orthanc, "get", system)
    ident = bench.start(hold_minutes=1, verified_at=[1], keep_labels=["keep"])
    bench.work(2)
    running.append("from now on")
    bench.runs.change(ident, hold_until=clock.now() - 1)
    bench.work()
    assert bench.run(ident).deleted_count == 4
    assert bench.outcomes()["study-2"] == ("kept", reason)
    assert "study-2" in bench.orthanc.studies


def test_a_count_of_images_is_no_proof_that_these_images_are_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(StoredStudy, "_remembered", lambda self, destination: clock.now())
    monkeypatch.setattr(
        StoredStudy,
        "_ask",
        lambda self, known: asked.append(known.id) or Proof(None, "One image is missing there."),
    )
    entry: dict[str, Any] = {
        **{"kind": "modality", "source": "console", "enabled": True, "paused": False},
        **{"aet": "PACS", "host": "h", "port": 104, "url": "", "username": "", "password": ""},
        "max_in_flight": 1,
    }
    bench.around.destinations = {
        number: Destination(id=number, name=verify, verify=verify, **entry)
        for number, verify in ((1, "count"), (2, "instances"))
    }
    counted, exact = (bench.start(dry_run=True, verified_at=[number]) for number in (1, 2))
    bench.work()
    assert bench.run(counted).summary["kept"] == {"not_verified": 5}
    assert bench.run(exact).planned_count == 5
    assert set(asked) == {1}


def test_a_study_that_was_just_updated_grows_whatever_orthanc_calls_it(bench: Bench) -> None:
    bench.orthanc.studies["study-1"]["LastUpdate"] = ago(5)
    bench.orthanc.studies["study-3"]["LastUpdate"] = ago(300)
    ident = bench.start(min_days_since_received=0)
    bench.work()
    assert bench.run(ident).deleted_count == 4
    assert bench.outcomes()["study-1"] == ("kept", "growing")


@pytest.mark.parametrize("odd", [None, "", {}, 2, "no"])
def test_a_study_is_kept_when_it_is_not_told_whether_its_patient_is_protected(
    bench: Bench, odd: Any
) -> None:
    bench.orthanc.protected = odd
    ident = bench.start()
    bench.work()
    assert bench.run(ident).summary["kept"] == {"cannot_tell": 5}
    assert bench.orthanc.deleted == []


@pytest.mark.parametrize(
    ("known", "reason"), [(True, None), (False, "failed_delivery")], ids=["known", "forgotten"]
)
def test_a_failure_that_only_the_console_remembers_keeps_the_study(
    bench: Bench, known: bool, reason: str | None
) -> None:
    failed = Delivery("study-1", 1, "PACS", b"", state="failed")
    if known:
        with bench.state.transaction() as db:
            bench.around.store.add(db, failed)
    bench.start(failed_deliveries={"study-1": [failed.id]})
    bench.work()
    assert bench.outcomes()["study-1"] == (("kept", reason) if reason else ("deleted", ""))


def test_rules_may_still_choose_while_the_log_that_a_lost_file_had_read_is_unread(
    bench: Bench,
) -> None:
    bench.around.awaits_rules = True
    with bench.state.transaction() as db:
        bench.state.put(db, "position", 10)
        bench.state.put(db, "log_end", 20)
    ident = bench.start()
    bench.work()
    assert bench.run(ident).summary["kept"] == {"growing": 5}
    with bench.state.transaction() as db:
        bench.state.put(db, "position", 20)
        bench.state.put(db, "newest_change", {"seq": 20, "id": "x", "at": clock.now()})
    ident = bench.start()
    bench.work()
    assert bench.run(ident).deleted_count == 5
