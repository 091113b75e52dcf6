"""What a plan asks Orthanc, and what it makes of odd answers, with an Orthanc that does what a test asks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin.orthanc_client import OrthancDown, OrthancError
from purge.plugin import planner
from tests.purge_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, count=7)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "TOGETHER", 3)


def modalities(bench: Bench) -> list[list[str]]:
    """Of each study that a new run would delete."""
    bench.start(hold_minutes=60)
    bench.work(1)
    lines = [
        line
        for event in bench.state.waiting_events(500, 2**24)
        for line in event["data"].get("studies", [])
    ]
    assert {line["outcome"] for line in lines} == {"planned"}
    return [line["modalities"] for line in lines]


def asked_alone(bench: Bench) -> int:
    return sum(path.endswith("/series?expand") for path in bench.orthanc.asked)


def asked_together(bench: Bench) -> int:
    return bench.orthanc.asked.count("/tools/bulk-content")


def test_it_asks_for_the_series_of_many_studies_at_once(bench: Bench, batches: None) -> None:
    assert modalities(bench) == [["CT", "MR"]] * 7
    assert (asked_together(bench), asked_alone(bench)) == (3, 0)


def test_it_does_not_ask_what_the_listing_told(bench: Bench) -> None:
    for study in bench.orthanc.studies.values():
        study["RequestedTags"] = {"ModalitiesInStudy": "US\\SR"}
    bench.orthanc.studies["study-3"]["RequestedTags"] = {"ModalitiesInStudy": ""}
    assert sorted(modalities(bench)) == [[]] + [["SR", "US"]] * 6
    assert (asked_together(bench), asked_alone(bench)) == (0, 0)


@pytest.mark.parametrize(
    "told",
    [None, [], "CT", {}, {"ModalitiesInStudy": None}, {"ModalitiesInStudy": ["CT"]}],
)
def test_a_listing_that_tells_them_oddly_counts_as_one_that_does_not(
    bench: Bench, told: Any
) -> None:
    for study in bench.orthanc.studies.values():
        study["RequestedTags"] = told
    assert modalities(bench) == [["CT", "MR"]] * 7


def refused(series: list[Any]) -> Any:
    raise OrthancError(500, 9, "Error in the database")


def never_answered(series: list[Any]) -> Any:
    raise OrthancDown("timed out")


@pytest.mark.parametrize(
    "answer",
    [
        *(refused, never_answered),
        *(lambda series: {"HttpStatus": 200}, lambda series: None, lambda series: [None]),
        lambda series: [{"Instances": []}],
    ],
)
def test_it_asks_for_each_alone_when_orthanc_does_not_answer_for_all(
    bench: Bench, batches: None, answer: Callable[[list[Any]], Any]
) -> None:
    bench.orthanc.together = answer
    assert modalities(bench) == [["CT", "MR"]] * 7
    assert asked_alone(bench) == 7


def test_it_asks_again_for_a_study_whose_series_are_not_all_there(
    bench: Bench, batches: None
) -> None:
    bench.orthanc.together = lambda series: series[1:]
    assert modalities(bench) == [["CT", "MR"]] * 7
    assert (asked_together(bench), asked_alone(bench)) == (3, 3)


def test_it_asks_nothing_about_what_is_beyond_the_limit(bench: Bench, batches: None) -> None:
    bench.start(hold_minutes=60, max_studies=3)
    bench.work(1)
    assert sorted(bench.outcomes().values()) == [("kept", "capped")] * 4 + [("planned", "")] * 3
    assert asked_together(bench) == 1
    assert sum(path.endswith("/statistics") for path in bench.orthanc.asked) == 3


def test_more_studies_than_it_remembers_are_asked_for_again(
    bench: Bench, batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "REMEMBERED", 4)
    assert modalities(bench) == [["CT", "MR"]] * 7
    assert asked_alone(bench) == 3
