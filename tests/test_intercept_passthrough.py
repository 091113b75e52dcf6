"""Sending what a C-MOVE asks for, and choosing whom to tell, without a real Orthanc."""

from __future__ import annotations

from typing import Any

import pytest

from intercept.plugin import choice
from intercept.plugin.caller import Reply
from intercept.plugin.passthrough import SendFailed, Sending
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found, Resolver
from intercept.plugin.target import Target
from orthanc_console.plugin.orthanc_client import OrthancError
from routing.language import REQUEST, parse


class FakeOrthanc:
    """Stores what it is told to send, and fails at the images in `broken`."""

    def __init__(self, broken: set[str] | None = None) -> None:
        self.broken = broken or set()
        self.parts: list[list[str]] = []
        self.modalities: dict[str, Any] = {}

    def post(self, path: str, body: dict[str, Any], timeout: float = 30) -> Any:
        self.parts.append(body["Resources"])
        assert body["MoveOriginatorAet"] == "SCU"
        assert body["Permissive"] is False
        if self.broken & set(body["Resources"]):
            raise OrthancError(500, 9, "refused")
        return {"ID": "job"}

    def get(self, path: str) -> Any:
        return self.modalities


def _request(**values: Any) -> MoveRequest:
    given = {"Level": "STUDY", "OriginatorAET": "SCU", "TargetAET": "T", "OriginatorID": 7}
    return MoveRequest.from_orthanc({**given, **values})


def _sending(orthanc: FakeOrthanc, count: int) -> Sending:
    return Sending(orthanc, "target", [f"i{n}" for n in range(count)], _request())  # type: ignore[arg-type]


def test_parts_grow_from_a_single_image() -> None:
    orthanc = FakeOrthanc()
    sending = _sending(orthanc, 100)
    for count in range(1, 101):
        sending.send_until(count)
        assert sending.sent >= count
    assert [len(part) for part in orthanc.parts] == [1, 2, 4, 8, 16, 32, 32, 5]


def test_it_stops_at_the_image_that_cannot_be_sent_and_counts_those_before_it() -> None:
    orthanc = FakeOrthanc({"i20"})
    sending = _sending(orthanc, 40)
    with pytest.raises(SendFailed):
        sending.send_until(40)
    assert sending.sent == 20
    assert orthanc.parts[-1] == ["i20"]


@pytest.mark.parametrize(("strict", "found"), [(False, "a"), (True, None)])
def test_the_target_is_the_first_modality_with_its_title(strict: bool, found: str | None) -> None:
    orthanc = FakeOrthanc()
    orthanc.modalities = {"b": {"AET": "pacs"}, "a": {"AET": "PACS"}, "c": {"AET": "x"}}
    resolver = Resolver(orthanc, strict)  # type: ignore[arg-type]
    assert resolver.modality("Pacs") == found
    assert resolver.modality("pacs") == ("b" if strict else "a")


def _target(expression: str, mode: str = "notify", **values: Any) -> Target:
    tree = parse(expression, REQUEST).tree
    entry = {
        "id": 1,
        "name": expression,
        "revision": 1,
        "enforcement": "active",
        "mode": mode,
        "condition": tree,
        "url": "http://h/",
    }
    return Target.from_config({**entry, **values})


def _choose(target: Target, request: MoveRequest, found: Found) -> list[choice.Chosen]:
    def read_facts(study: str, tags: set[str]) -> dict[str, Any]:
        return {"study": {"PatientID": "P1"}, "series": [{"Modality": "CT"}, {"Modality": "SR"}]}

    return choice.choose([target], request, found, read_facts, "north")


HERE = Found(["i1"], {"study": {"PatientID": "P1", "StudyInstanceUID": "1.2"}})


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("true", True),
        ('Level == "STUDY"', True),
        ('TargetAET == "T" and OriginatorAET == "SCU" and OriginatorID == 7', True),
        ('TargetAET == "U"', False),
        ('"1.2" in UIDs', True),
        ('Node == "north"', True),
        ('PatientID == "P1"', True),
        ('Modality == "SR"', True),
        ('Modality == "MR"', False),
        ('StudyDescription == "x"', False),
    ],
)
def test_conditions_read_the_request_and_the_study_that_is_here(
    expression: str, chosen: bool
) -> None:
    request = _request(StudyInstanceUID="1.2")
    assert bool(_choose(_target(expression), request, HERE)) is chosen


@pytest.mark.parametrize(("mode", "chosen"), [("notify", 0), ("replace", 0), ("gate", 1)])
def test_what_cannot_be_decided_is_asked_of_a_gate_alone(mode: str, chosen: int) -> None:
    target = _target('Modality == "CT"', mode)
    assert len(_choose(target, _request(StudyInstanceUID="1.9"), Found())) == chosen


def test_a_disabled_target_is_passed_by() -> None:
    assert _choose(_target("true", enforcement="disabled"), _request(), HERE) == []


@pytest.mark.parametrize("on_timeout", ["allow", "refuse"])
def test_silence_means_what_the_target_says(on_timeout: str) -> None:
    target = _target("true", "gate", on_timeout=on_timeout)
    silent = Reply(error="No answer within 3 seconds.", timed_out=True)
    allowed = on_timeout == "allow"
    assert choice.verdict(target, silent, True).allowed is allowed
    assert choice.verdict(target, None, True).allowed is allowed
    assert choice.verdict(target, None, False).allowed is allowed
    assert not choice.verdict(target, Reply(500), True).allowed
    assert not choice.verdict(target, Reply(error="refused"), True).allowed
    assert choice.verdict(target, Reply(204), True).allowed


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("true", "Every C-MOVE."),
        ('TargetAET == "A"', "C-MOVEs whose TargetAET is A"),
        ('Modality == "CT"', "C-MOVEs of a study with a series whose Modality is CT"),
    ],
)
def test_a_condition_says_in_words_which_requests_it_means(expression: str, words: str) -> None:
    assert parse(expression, REQUEST).sentence == words
    assert "C-MOVE" not in parse("true").sentence
