"""A rule of the old router script decides as it did there, but for the differences that docs/rules.md names."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
import rule_engine

from routing.conditions import StudyFacts, compile_condition, decide
from routing.exchange.reading import modernised
from routing.language import parse
from routing.language.symbols import all_symbols
from tests import language_pairs

NOW = dt.datetime(2025, 7, 28, 12)
RULES = (
    '"CT" in ModalitiesInStudy',
    '"CT" in ModalitiesInStudy or "MR" in ModalitiesInStudy',
    'PatientSex == "F"',
    'PatientSex != "M" and PatientID in ["1", "007"]',
    'not (AccessionNumber == "A1")',
    'StudyDescription =~ "HEAD"',
    'StudyDescription =~~ "T[12]"',
    'StudyDescription !~~ "FS$" and PatientSex == "O"',
    '"AX" in StudyDescription',
    'PatientName.as_lower == "doe^john" or InstitutionName.starts_with("Klinik")',
    'AccessionNumber in ["A1", "A2"] and (PatientSex == "F" or PatientID == "007")',
    "StudyDescription.length > 10",
)
# As the script wanted them, and what they become.
DATED = (
    ("StudyDate > 20220101", 'StudyDate > d"2022-01-01"'),
    (
        "StudyDate >= 20200229 and StudyDate < 20240131",
        'StudyDate >= d"2020-02-29" and StudyDate < d"2024-01-31"',
    ),
    ("PatientBirthDate < 19800229", 'PatientBirthDate < d"1980-02-29"'),
)


def studies(count: int) -> list[dict[str, str]]:
    """Tags of the study as the script read them, with nothing missing."""
    rng = random.Random(17)
    found = []
    for _number in range(count):
        tags = {name: rng.choice(values) for name, values in language_pairs._STUDY.items()}
        modalities = rng.sample(language_pairs.MODALITIES, rng.randint(1, 3))
        found.append({**tags, "ModalitiesInStudy": "\\".join(modalities)})
    return found


def in_the_script(tags: dict[str, str]) -> dict[str, Any]:
    """The values as the script handed them to the library: lists where there is a backslash, dates as numbers."""
    return {
        name: value.split("\\")
        if "\\" in value
        else int(value)
        if all_symbols()[name].vr == "DA"
        else value
        for name, value in tags.items()
    }


def here(text: str, tags: dict[str, str]) -> str:
    parsed = parse(text)
    assert parsed.tree is not None, (text, parsed.errors)
    return decide(compile_condition(parsed.tree), StudyFacts(tags, []), now=NOW).result


@pytest.mark.parametrize("text", RULES)
def test_it_decides_the_same_for_200_studies(text: str) -> None:
    rule = rule_engine.Rule(text)
    results = set()
    for tags in studies(200):
        theirs = rule.matches(in_the_script(tags))
        assert (here(text, tags) == "match") is theirs, (text, tags)
        results.add(theirs)
    assert results == {True, False}


@pytest.mark.parametrize(("old", "new"), DATED)
def test_dates_become_dates_and_select_the_same(old: str, new: str) -> None:
    assert modernised(old)[0] == new
    rule = rule_engine.Rule(old)
    for tags in studies(200):
        assert (here(new, tags) == "match") is rule.matches(in_the_script(tags))


def test_a_missing_tag_decides_only_what_reads_it() -> None:
    text = 'StudyID == "7" or PatientSex == "F"'
    with pytest.raises(rule_engine.errors.SymbolResolutionError):
        rule_engine.Rule(text).matches({"PatientSex": "F"})
    assert here(text, {"PatientSex": "F"}) == "match"
    assert here(text, {"PatientSex": "M"}) == "undecided"


def test_comparing_different_types_is_an_error_when_it_is_saved() -> None:
    assert rule_engine.Rule("PatientID == 7").matches({"PatientID": "7"}) is False
    (problem,) = parse("PatientID == 7").errors
    assert (problem.code, problem.suggestion) == ("type_mismatch", '"7"')
