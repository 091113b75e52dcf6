"""When an Orthanc takes over what another one on the same index has claimed, with an Orthanc that only keeps metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin.orthanc_client import Conflict, NotFound
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from routing.plugin import claims
from routing.plugin.agreement import Agreement
from routing.plugin.claim import Claim, parse
from routing.plugin.claims import Claims
from routing.plugin.growth import Growth
from routing.plugin.store import SCHEMA, DeliveryStore

LEASE = 60.0
OTHER = "other"


class Index:
    """The claims on studies, as all Orthancs of an index see them."""

    def __init__(self) -> None:
        self.claims: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}

    def put(self, study: str, claim: Claim) -> None:
        self.claims[study] = json.dumps(claim.as_json()).encode()
        self.revisions[study] = self.revisions.get(study, 0) + 1

    def owner(self, study: str) -> str:
        return parse(self.claims[study]).owner

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        study = path.split("/")[2]
        if study not in self.claims:
            raise NotFound(404, 0, "Unknown resource")
        return self.claims[study], str(self.revisions[study])

    def put_tagged(self, path: str, body: Any, tag: str) -> None:
        study = path.split("/")[2]
        if tag != str(self.revisions.get(study, "")):
            raise Conflict(409, 0, "Conflict")
        self.claims[study] = json.dumps(body).encode()
        self.revisions[study] = self.revisions.get(study, 0) + 1


class Watch:
    """A clock that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(claims, "time", made)
    return made


@pytest.fixture
def here(index: Index, watch: Watch, tmp_path: Path) -> Claims:
    """What this Orthanc knows of claims."""
    state = State(tmp_path, [SCHEMA, claims.SCHEMA])
    orthanc: Any = index
    return Claims(
        *(state, DeliveryStore(state), orthanc, LEASE, Growth(LEASE), Agreement(Warnings())),
        let_go=lambda study: None,
    )


def touched(study: str) -> list[dict[str, Any]]:
    """What the change log tells when a claim was written."""
    return [{"ChangeType": "UpdatedMetadata", "ResourceType": "Study", "ID": study, "Seq": 1}]


def pass_time(here: Claims, watch: Watch, seconds: float) -> None:
    """Let time go by in which this Orthanc reads an empty log."""
    until = watch.now + seconds
    while watch.now < until:
        watch.now += 1
        here.see([], done=True)
        here.step()


def test_what_a_silent_one_has_claimed_is_taken_over(
    here: Claims, index: Index, watch: Watch
) -> None:
    index.put("study", Claim(OTHER, 1))
    here.see(touched("study"), done=True)
    pass_time(here, watch, LEASE - 1)
    assert index.owner("study") == OTHER
    pass_time(here, watch, 3)
    assert index.owner("study") != OTHER


def test_one_that_is_heard_keeps_what_it_has(here: Claims, index: Index, watch: Watch) -> None:
    index.put("study", Claim(OTHER, 1))
    for _ in range(5):
        here.see(touched("study"), done=True)
        pass_time(here, watch, LEASE - 1)
    assert index.owner("study") == OTHER


def test_one_that_had_nothing_to_do_for_long_keeps_what_it_claims_then(
    here: Claims, index: Index, watch: Watch
) -> None:
    index.put("yesterday", Claim(OTHER, 1))
    here.see(touched("yesterday"), done=True)
    index.put("yesterday", Claim(OTHER, 1, open=False))
    here.see(touched("yesterday"), done=True)
    pass_time(here, watch, 10 * LEASE)
    index.put("study", Claim(OTHER, 5))
    # The study is seen to be stable; that the other one wrote its claim is told later in the log.
    assert not here.take("study", seq=5)
    here.step()
    assert index.owner("study") == OTHER
    pass_time(here, watch, LEASE + 2)
    assert index.owner("study") != OTHER


def test_to_be_told_again_of_a_study_is_no_sign_of_life(
    here: Claims, index: Index, watch: Watch
) -> None:
    index.put("study", Claim(OTHER, 1))
    here.see(touched("study"), done=True)
    for seq in range(2, 8):
        pass_time(here, watch, LEASE / 4)
        if index.owner("study") != OTHER:
            break
        here.take("study", seq)
    assert index.owner("study") != OTHER
