"""Studies that somebody deleted in Orthanc, of which its change log tells nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orthanc_console.plugin.orthanc_client import Address, NotFound, OrthancClient, OrthancDown
from orthanc_console.plugin.state import State
from routing.plugin import departures
from routing.plugin.departures import Departures
from routing.plugin.store import SCHEMA


class FakeOrthanc(OrthancClient):
    """Lists and gets studies."""

    def __init__(self, studies: list[str]) -> None:
        super().__init__(Address("http://127.0.0.1:9"), "")
        self.studies = studies
        self.calls: list[str] = []
        self.down = False

    def get(self, path: str, timeout: float = 30) -> Any:
        self.calls.append(path)
        if self.down:
            raise OrthancDown("it is down")
        parts = urlsplit(path)
        if parts.path == "/studies":
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
            return self.studies[query["since"] :][: query["limit"]]
        if parts.path.removeprefix("/studies/") not in self.studies:
            raise NotFound(404, 0, "Unknown resource")
        return {}


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, [SCHEMA])


def decide(state: State, *studies: str) -> None:
    with state.transaction() as db:
        db.executemany(
            "INSERT OR REPLACE INTO study VALUES (?, x'00', 1)", [(study,) for study in studies]
        )


def one_round(looking: Departures) -> None:
    """Until the next step is a long time away."""
    while looking.step() < departures.EVERY / 2:
        pass


def reported(state: State) -> list[str]:
    events = state.waiting_events(1000, 10**6)
    assert {event["kind"] for event in events} <= {"study.deleted"}
    return [event["data"]["study"] for event in events]


def test_a_study_that_is_gone_is_reported_once(state: State) -> None:
    decide(state, "a", "b", "c")
    looking = Departures(state, FakeOrthanc(["a", "c", "never decided about"]))
    one_round(looking)
    one_round(looking)
    assert reported(state) == ["b"]
    assert [row["id"] for row in state.read("SELECT id FROM study ORDER BY id")] == ["a", "c"]


def test_many_studies_are_looked_at_in_pages(state: State) -> None:
    studies = [f"{number:05}" for number in range(3 * departures.PAGE + 7)]
    decide(state, *studies)
    orthanc = FakeOrthanc(studies[:-2])
    one_round(Departures(state, orthanc))
    assert sorted(reported(state)) == studies[-2:]
    assert len(orthanc.calls) < 10


def test_what_moves_while_it_is_listed_is_asked_for_before_it_is_called_gone(state: State) -> None:
    studies = [f"{number:05}" for number in range(2 * departures.PAGE)]
    decide(state, *studies)
    orthanc = FakeOrthanc(studies)
    looking = Departures(state, orthanc)
    looking.step()
    # So many go that a page has moved past the next.
    orthanc.studies = studies[500:]
    one_round(looking)
    one_round(looking)
    assert sorted(reported(state)) == studies[:500]


def test_what_a_purge_deletes_is_reported_by_the_purge_alone(state: State) -> None:
    decide(state, "a")
    looking = Departures(state, FakeOrthanc([]))
    # Time enough for the purge to write down what it did.
    assert looking.step() == departures.REPORTED_BY_NOW
    with state.transaction() as db:
        db.execute("DELETE FROM study WHERE id = 'a'")
    one_round(looking)
    assert reported(state) == []


def test_an_orthanc_that_does_not_answer_says_nothing(state: State) -> None:
    decide(state, "a")
    orthanc = FakeOrthanc([])
    looking = Departures(state, orthanc)
    looking.step()
    orthanc.down = True
    with pytest.raises(OrthancDown):
        looking.step()
    assert reported(state) == []


def test_without_studies_nothing_is_asked(state: State) -> None:
    orthanc = FakeOrthanc(["a"])
    one_round(Departures(state, orthanc))
    assert orthanc.calls == []
