"""docs/intercept.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from intercept.models import Mode, Outcome
from intercept.plugin import message, template
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found
from routing.language import REQUEST, parse
from routing.language.symbols import request_symbols

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "intercept.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_placeholder_is_listed() -> None:
    listed = PAGE.split("Placeholders:")[1].split("Values are")[0]
    assert tuple(re.findall(r"\{(\w+)\}", listed)) == template.NAMES


def test_every_placeholder_has_a_value() -> None:
    about = message.of_request(MoveRequest.from_orthanc({"Level": "STUDY"}), Found(), "north")
    assert set(about["values"]) == set(template.NAMES)


def test_every_name_of_a_request_is_listed() -> None:
    listed = PAGE.split("Of the request itself they read:")[1].split("`PatientID`")[0]
    assert set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)) == {*request_symbols(), "Node"}


def test_the_document_has_the_fields_that_are_sent() -> None:
    (documented,) = (each for each in _blocks("json") if "move.requested" in each)
    about = message.of_request(MoveRequest.from_orthanc({"Level": "STUDY"}), Found(), "north")
    sent = {**about["body"], "data": {**about["body"]["data"], "mode": "notify"}}
    shown = json.loads(documented)
    assert shown.keys() == sent.keys()
    assert shown["data"].keys() == sent["data"].keys()


def test_the_examples_of_conditions_are_right() -> None:
    examples = re.findall(r"^(?:TargetAET|Level) == .*", PAGE, re.MULTILINE)
    assert len(examples) == 2
    for line in examples:
        assert parse(line, REQUEST).errors == [], line


def test_every_mode_and_outcome_is_listed() -> None:
    for each in (*Mode.values, *Outcome.values):
        assert f"| `{each}` |" in PAGE
