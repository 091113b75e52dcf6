"""Two Orthancs that share an index agree who takes care of a study."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orthanc_console.plugin.orthanc_client import Conflict, NotFound, OrthancClient
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from routing.plugin import claims as module
from routing.plugin.agreement import Agreement
from routing.plugin.claim import METADATA
from routing.plugin.claims import SCHEMA, Claims
from routing.plugin.deliveries import Delivery, pack
from routing.plugin.growth import Growth
from routing.plugin.store import SCHEMA as STORE_SCHEMA
from routing.plugin.store import DeliveryStore

LEASE = 60.0
STUDY = "study"
IMAGE = "-".join(["1" * 8] * 5)
DESTINATION = 3


class Index:
    """The shared database, as far as claims need it, with the change log that both see."""

    def __init__(self) -> None:
        self.metadata: dict[str, tuple[bytes, int]] = {}
        self.log: list[dict[str, Any]] = []

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        if path not in self.metadata:
            raise NotFound(404, 0, path)
        text, revision = self.metadata[path]
        return text, str(revision)

    def put_tagged(self, path: str, body: Any, tag: str) -> None:
        if tag != (str(self.metadata[path][1]) if path in self.metadata else ""):
            raise Conflict(409, 0, path)
        self.write(path, json.dumps(body).encode())

    def write(self, path: str, text: bytes) -> None:
        self.metadata[path] = (text, self.metadata[path][1] + 1 if path in self.metadata else 0)
        study = path.split("/")[2]
        change = {"ChangeType": "UpdatedMetadata", "ResourceType": "Study", "ID": study}
        self.log.append({**change, "Seq": len(self.log)})


class Node:
    """One of the Orthancs."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.state = State(folder, [STORE_SCHEMA, SCHEMA])
        self.store = DeliveryStore(self.state)
        self.let_go: list[str] = []
        self.index = index
        self._seen = 0
        growth, agreement = Growth(65), Agreement(Warnings())
        orthanc = cast(OrthancClient, index)
        self.claims = Claims(
            self.state, self.store, orthanc, LEASE, growth, agreement, self.let_go.append
        )

    def look(self) -> None:
        """Read the change log, then do what is to be done."""
        unseen: Sequence[dict[str, Any]] = self.index.log[self._seen :]
        self._seen = len(self.index.log)
        self.claims.see(unseen, True)
        self.claims.step()

    def decide(self, **values: Any) -> None:
        """Decide about a study that was claimed, with one delivery."""
        delivery = Delivery(STUDY, DESTINATION, "PACS", pack([IMAGE]), **values)
        with self.state.transaction() as db:
            self.store.add(db, delivery)
            self.claims.decided(db, STUDY)

    def unsettled(self) -> list[str]:
        return [row["study"] for row in self.state.read("SELECT study FROM unsettled")]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time."""
    clock = SimpleNamespace(at=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.at))
    return lambda at: setattr(clock, "at", at)


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def one(tmp_path: Path, index: Index, now: object) -> Node:
    return Node(tmp_path / "one", index)


@pytest.fixture
def two(tmp_path: Path, index: Index, now: object) -> Node:
    return Node(tmp_path / "two", index)


def wait(now: Callable[[float], None], start: int, end: int, *nodes: Node) -> None:
    """Let seconds pass in which nodes look every ten seconds."""
    for at in range(start, end, 10):
        now(at)
        for node in nodes:
            node.look()


def test_only_one_of_them_decides_about_a_study(one: Node, two: Node) -> None:
    assert one.claims.take(STUDY, 5)
    assert not two.claims.take(STUDY, 5)


def test_the_same_change_is_decided_about_once(one: Node) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide()
    assert not one.claims.take(STUDY, 5)
    assert one.claims.take(STUDY, 6)


def test_one_that_died_between_claim_and_decision_decides_after_all(one: Node) -> None:
    assert one.claims.take(STUDY, 5)
    assert one.claims.take(STUDY, 5)


def test_what_is_over_can_be_claimed_again_and_what_was_delivered_is_known(
    one: Node, two: Node
) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide(state="delivered")
    one.look()
    assert not two.claims.take(STUDY, 5)
    assert two.claims.take(STUDY, 9)
    assert two.store.covered(STUDY) == {DESTINATION: {IMAGE}}


def test_what_the_owner_did_not_see_any_more_is_decided_by_another(one: Node, two: Node) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide(state="delivered")
    assert not two.claims.take(STUDY, 9)
    one.look()
    two.look()
    assert two.unsettled() == [STUDY]
    assert two.claims.take(STUDY, 9)


def test_the_studies_of_a_silent_one_are_taken_over(
    one: Node, two: Node, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide()
    wait(now, 0, 60, two)
    assert two.unsettled() == []
    wait(now, 60, 90, two)
    assert two.unsettled() == [STUDY]
    assert two.claims.take(STUDY, 5)
    assert [event["kind"] for event in two.state.waiting_events(9, 9999)] == ["node.notice"]


def test_one_that_waits_for_a_destination_is_not_silent(
    one: Node, two: Node, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide()
    assert not two.claims.take(STUDY, 5)
    wait(now, 0, 600, one, two)
    assert two.unsettled() == []
    assert one.claims.may_send()


def test_one_without_unfinished_studies_writes_nothing(
    one: Node, index: Index, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide(state="delivered")
    one.look()
    written = len(index.log)
    wait(now, 10, 600, one)
    assert len(index.log) == written


def test_who_did_not_listen_takes_nothing_over(
    one: Node, two: Node, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    assert not two.claims.take(STUDY, 5)
    two.look()
    now(300)
    two.look()
    assert two.unsettled() == []


def test_one_that_was_stopped_sends_nothing_before_it_knows_what_it_lost(
    one: Node, two: Node, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    one.decide()
    assert one.claims.may_send()
    wait(now, 0, 120, two)
    assert not one.claims.may_send()
    one.look()
    assert one.let_go == [STUDY]
    assert one.claims.may_send()


def test_one_that_decided_too_slowly_does_not_deliver(
    one: Node, two: Node, now: Callable[[float], None]
) -> None:
    assert one.claims.take(STUDY, 5)
    wait(now, 0, 120, two)
    one.claims.see(two.index.log, True)
    with pytest.raises(Conflict):
        one.decide()
    assert one.store.of_study(STUDY) == []


def test_metadata_of_somebody_else_is_not_overwritten(one: Node, index: Index) -> None:
    path = f"/studies/{STUDY}/metadata/{METADATA}"
    index.write(path, b"mine")
    with pytest.raises(ValueError, match="is not a claim"):
        one.claims.take(STUDY, 5)
    assert index.metadata[path][0] == b"mine"
