"""Orthancs that share an index: what a claim says, and which studies nobody looks after."""

from __future__ import annotations

import json
from typing import Any

import pytest

from routing.plugin.claim import Claim, covered, parse
from routing.plugin.deliveries import Delivery, pack
from routing.plugin.growth import Growth

ONE, TWO, THREE = (
    "-".join([digit * 8] * 5) for digit in ("1", "2", "3")
)  # as Orthanc writes identifiers
A, B = 3, 5


def delivery(destination: int, *instances: str, **values: Any) -> Delivery:
    return Delivery("study", destination, "PACS", pack(instances), **values)


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = Claim("me", 12, False, 30.0, {A: pack([ONE, TWO]), B: pack([ONE])}, (B,))
    assert parse(json.dumps(claim.as_json()).encode()) == claim


def test_images_that_several_destinations_have_are_written_once() -> None:
    written = Claim("me", 1, covered={A: pack([ONE, TWO]), B: pack([TWO, ONE])}).as_json()
    assert len(written["instances"]) == 1


@pytest.mark.parametrize("text", [b"", b"mine", b"[]", b"{}", b'{"owner": "x"}', b"\xff"])
def test_metadata_that_is_no_claim_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="is not a claim"):
        parse(text)


def test_a_study_that_is_taken_over_keeps_what_was_delivered() -> None:
    before = Claim("other", 12, False, 30.0, {A: pack([ONE])})
    taken = before.taken_by("me", 60.0, 15)
    assert (taken.owner, taken.seq, taken.open, taken.lease) == ("me", 15, True, 60.0)
    assert taken.covered == before.covered


def test_what_was_delivered_here_and_elsewhere_is_told_to_the_others() -> None:
    deliveries = [
        delivery(A, ONE, state="delivered"),
        delivery(B, ONE, TWO, state="sending", sent=pack([TWO])),
    ]
    assert covered(deliveries, {A: pack([THREE])}) == {A: pack([ONE, THREE]), B: pack([TWO])}


def test_what_still_waits_or_was_given_away_is_left_to_the_others() -> None:
    waiting = delivery(A, ONE, state="waiting")
    given_away = delivery(B, ONE, state="cancelled", reason="taken_over")
    assert covered([waiting, given_away], {}) == {}


def arrived(seq: int, instance: str) -> dict[str, Any]:
    return {"ChangeType": "NewInstance", "ID": instance, "Seq": seq}


def stable(seq: int) -> dict[str, Any]:
    return {"ChangeType": "StableStudy", "ID": "study", "Seq": seq}


@pytest.fixture
def growth() -> Growth:
    return Growth(patience=10)


def test_a_study_that_nobody_calls_stable_is_left_alone(growth: Growth) -> None:
    growth.see(arrived(1, ONE), now=0)
    growth.see(arrived(4, TWO), now=1)
    assert growth.overdue(now=9) is None
    assert growth.overdue(now=12) == ONE
    assert growth.left_alone("study", {ONE, TWO}, now=12) == 4
    assert growth.overdue(now=100) is None


def test_a_study_that_was_called_stable_is_not(growth: Growth) -> None:
    growth.see(arrived(1, ONE), now=0)
    growth.see(stable(2), now=1)
    assert growth.left_alone("study", {ONE}, now=12) is None


def test_what_came_after_the_study_was_stable_is(growth: Growth) -> None:
    growth.see(arrived(1, ONE), now=0)
    growth.see(stable(2), now=1)
    growth.see(arrived(3, TWO), now=2)
    assert growth.left_alone("study", {ONE, TWO}, now=13) == 3


def test_a_study_that_grows_is_looked_at_again_later(growth: Growth) -> None:
    growth.see(arrived(1, ONE), now=0)
    growth.see(arrived(2, TWO), now=8)
    assert growth.left_alone("study", {ONE, TWO}, now=12) is None
    assert growth.overdue(now=12) is None
    assert growth.overdue(now=19) == TWO
    assert growth.left_alone("study", {ONE, TWO}, now=19) == 2


def test_an_image_that_was_deleted_is_forgotten(growth: Growth) -> None:
    growth.see(arrived(1, ONE), now=0)
    growth.forget(ONE)
    assert growth.overdue(now=100) is None
