"""What a node tells a console that was restored from a backup."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancDown
from orthanc_console.plugin.state import State
from routing.plugin import recall as recalling
from routing.plugin.deliveries import Delivery
from routing.plugin.recall import Recall
from routing.plugin.store import SCHEMA, DeliveryStore
from routing.plugin.studies import StudyContent

DAY = 24 * 3600.0
silences = 0


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, [SCHEMA])


def read(study: str) -> StudyContent:
    """An Orthanc that has all studies but those called gone, cannot read some, and answers late for others."""
    global silences
    if study.startswith("gone"):
        raise NotFound(404, 0, "Unknown resource")
    if study == "broken":
        raise KeyError("MainDicomTags")
    if study == "late" and silences:
        silences -= 1
        raise OrthancDown("it is down")
    facts = {"study": {"ModalitiesInStudy": "CT", "InstanceCount": 1, "SeriesCount": 1}}
    return StudyContent(study, facts, (), 1, "", None, None)


def decide(state: State, study: str, days_ago: float) -> None:
    with state.transaction() as db:
        at = clock.now() - days_ago * DAY
        db.execute("INSERT INTO study VALUES (?, x'00', ?)", (study, at))


def deliver(file: State, study: str, days_ago: float, **values: Any) -> None:
    at = clock.now() - days_ago * DAY
    defaults = {"state": "delivered", "delivered_at": at, "created_at": at, "turn_at": at}
    new = Delivery(study, 1, "PACS", instances=b"", **{**defaults, **values})
    with file.transaction() as db:
        DeliveryStore(file).add(db, new)
        db.execute("DELETE FROM event")


def recall(state: State, kind: str, data: dict[str, Any]) -> list[tuple[str, str]]:
    """Carry the command out; returns kind and study of what is reported."""
    Recall(state, DeliveryStore(state), read).commands[kind]("command", data)
    told = []
    for event in state.waiting_events(1000, 10**6):
        about = event["data"].get("study") or event["data"]["delivery"]["study"]
        told.append((event["kind"], about if isinstance(about, str) else about["orthanc_id"]))
    return told


def since_yesterday(state: State) -> list[tuple[str, str]]:
    return recall(state, "report_again", {"since": clock.iso(clock.now() - DAY)})


def test_what_was_decided_or_changed_since_is_told_with_its_deliveries(state: State) -> None:
    decide(state, "new", 0.5)
    deliver(state, "new", 0.5)
    decide(state, "old", 5)
    deliver(state, "old", 5)
    decide(state, "old but waiting", 5)
    deliver(state, "old but waiting", 5, state="waiting", delivered_at=None)
    decide(state, "old but verified now", 5)
    deliver(state, "old but verified now", 5, verified_at=clock.now())
    decide(state, "given up lately", 7)
    deliver(state, "given up lately", 7, state="failed", delivered_at=None)
    told = since_yesterday(state)
    expected = {"new", "old but waiting", "old but verified now", "given up lately"}
    assert {about for kind, about in told if kind == "study.stable"} == expected
    assert {about for kind, about in told if kind == "delivery.changed"} == expected
    (result,) = state.waiting_results()
    assert result["ok"] and result["data"] == {"studies": 4}


def test_a_study_that_is_gone_by_now_is_told_to_be(state: State) -> None:
    decide(state, "gone", 0.5)
    deliver(state, "gone", 0.5)
    assert since_yesterday(state) == [("delivery.changed", "gone"), ("study.deleted", "gone")]
    assert not state.read("SELECT 1 FROM study")


def test_one_that_cannot_be_read_does_not_keep_the_others_back(state: State) -> None:
    decide(state, "broken", 0.6)
    decide(state, "fine", 0.5)
    assert since_yesterday(state) == [("study.stable", "fine")]


def test_an_orthanc_that_does_not_answer_is_waited_for(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalling, "PAUSE", 0)
    monkeypatch.setattr(sys.modules[__name__], "silences", 3)
    decide(state, "late", 0.5)
    assert since_yesterday(state) == [("study.stable", "late")]
    assert silences == 0


def test_what_the_console_takes_to_be_there_is_looked_for_and_nothing_else_changes(
    state: State,
) -> None:
    decide(state, "known", 3)
    before = state.read("SELECT fingerprint, at FROM study WHERE id = 'known'")[0]
    assert recall(state, "look_for_studies", {"studies": ["known", "purged"]}) == []
    assert [row["id"] for row in state.read("SELECT id FROM study ORDER BY id")] == [
        "known",
        "purged",
    ]
    assert tuple(state.read("SELECT fingerprint, at FROM study WHERE id = 'known'")[0]) == tuple(
        before
    )
    store = DeliveryStore(state)
    store.forget_old(clock.now())
    assert len(state.read("SELECT 1 FROM study")) == 2
    # A purge must not take it for decided about when images came since.
    state_now = clock.now()
    assert store.awaits_decision("purged", state_now, 60) == store.awaits_decision(
        "never heard of", state_now, 60
    )
