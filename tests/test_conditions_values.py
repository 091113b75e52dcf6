from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from routing.conditions.kinds import Kind
from routing.conditions.values import parse_duration, parse_moment, read
from tests.conditions_trees import compare, decided, field, literal

MOMENT = dt.datetime(2024, 1, 31, 18, 30, 15, 250000)
DAY = dt.datetime(2024, 1, 31)


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        ("text", " DOE^JOHN ", "DOE^JOHN"),
        ("text", "Schädel\0", "Schädel"),
        ("text", 42, "42"),
        ("text", "a\\b", "a\\b"),
        ("number", " 1.250 ", Decimal("1.25")),
        ("number", "-3", Decimal(-3)),
        ("number", "1e-2", Decimal("0.01")),
        ("number", 1.5, Decimal("1.5")),
        ("date", "20240131", DAY),
        ("date", "2024-01-31", DAY),
        ("date", "2024.01.31", DAY),
        ("datetime", "20240131", DAY),
        ("datetime", "20240131183015.25", MOMENT),
        ("datetime", "20240131183015.250000+0200", MOMENT),
        ("datetime", "2024-01-31T18:30:15.250Z", MOMENT),
        ("datetime", "20240131T183015.25", MOMENT),
        ("datetime", "2024013118", dt.datetime(2024, 1, 31, 18)),
        ("time", "18", dt.timedelta(hours=18)),
        ("time", "183015.5", dt.timedelta(hours=18, minutes=30, seconds=15.5)),
        ("time", "18:30", dt.timedelta(hours=18, minutes=30)),
        ("time", "235960", dt.timedelta(days=1)),
        ("boolean", True, True),
    ],
)
def test_it_reads_a_value_as_its_type(type_: str, raw: object, value: object) -> None:
    assert read(raw, Kind(type_)) == (value, "")


@pytest.mark.parametrize(
    ("type_", "raw"),
    [
        ("number", "1,5"),
        ("number", "1\\2"),
        ("number", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("number", "1_000"),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", "1e99999"),
        ("number", "9" * 80),
        ("number", True),
        ("date", "20240230"),
        ("date", "20240000"),
        ("date", "00000101"),
        ("date", "202401"),
        ("date", "2024-0131"),
        ("date", "20240131-20240201"),
        ("datetime", "20240131256000"),
        ("datetime", "2024"),
        ("time", "2460"),
        ("time", "noon"),
        ("time", "1"),
        ("boolean", "true"),
        ("duration", "P1D"),
    ],
)
def test_what_cannot_be_read_is_absent_and_says_so(type_: str, raw: object) -> None:
    assert read(raw, Kind(type_)) == (None, f"not a {type_}")


@pytest.mark.parametrize(
    ("raw", "type_", "values"),
    [
        ("ORIGINAL\\PRIMARY\\", "text", ("ORIGINAL", "PRIMARY", "")),
        (["a", "b"], "text", ("a", "b")),
        ("0.5\\0.75", "number", (Decimal("0.5"), Decimal("0.75"))),
        (7, "number", (Decimal(7),)),
        ("CT", "text", ("CT",)),
    ],
)
def test_it_reads_lists(raw: object, type_: str, values: tuple[Any, ...]) -> None:
    assert read(raw, Kind(type_, True)).value == values


def test_a_list_with_one_value_that_cannot_be_read_is_absent() -> None:
    assert read("0.5\\x", Kind("number", True)) == (None, "not a list of numbers")


@pytest.mark.parametrize(
    ("facts", "years"),
    [
        ({"PatientAge": "042Y"}, 42),
        ({"PatientAge": "006M"}, 0),
        ({"PatientAge": "018M"}, 1),
        ({"PatientAge": "053W"}, 1),
        ({"PatientAge": "364D"}, 0),
        ({"PatientAge": "366D"}, 1),
        ({"PatientBirthDate": "20000229", "StudyDate": "20240228"}, 23),
        ({"PatientBirthDate": "20000229", "StudyDate": "20240229"}, 24),
        ({"PatientAge": "old", "PatientBirthDate": "20000101", "StudyDate": "20100101"}, 10),
        ({"PatientAgeYears": 5, "PatientAge": "042Y"}, 5),
    ],
)
def test_the_age_is_in_completed_years(facts: dict[str, Any], years: int) -> None:
    tree = compare(field("PatientAgeYears", "number"), "==", years)
    assert decided(tree, facts).result == "match"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"PatientAge": "42"},
        {"PatientBirthDate": "20240102", "StudyDate": "20240101"},
        {"PatientBirthDate": "20000101"},
    ],
)
def test_without_age_and_dates_the_age_is_absent(facts: dict[str, Any]) -> None:
    tree = compare(field("PatientAgeYears", "number"), ">=", 0)
    assert decided(tree, facts).result == "undecided"


def test_lists_of_the_study_are_made_from_its_series() -> None:
    series = [
        {"Modality": "CT", "SeriesDescription": "A"},
        {"Modality": "CT", "SeriesDescription": "B"},
        {"Modality": "SR"},
    ]
    modalities = field("ModalitiesInStudy", many=True)
    descriptions = field("SeriesDescriptions", many=True)
    assert decided(compare(modalities, "==", ["CT", "SR"]), series=series).result == "match"
    assert decided(compare(descriptions, "==", ["A", "B"]), series=series).result == "match"
    given = decided(compare(modalities, "==", ["MR"]), {"ModalitiesInStudy": "MR"}, series)
    assert given.result == "match"
    assert decided(compare(descriptions, "==", ["A"]), series=[{}]).result == "undecided"


def test_a_date_is_the_moment_at_which_it_starts() -> None:
    noon = literal("2024-01-31T12:00:00", "datetime")
    day = field("StudyDate", "date")
    assert decided(compare(day, "<", noon), {"StudyDate": "20240131"}).result == "match"
    midnight = literal("2024-01-31T00:00:00", "datetime")
    assert decided(compare(day, "==", midnight), {"StudyDate": "20240131"}).result == "match"


def test_today_starts_at_midnight_of_the_node() -> None:
    day = field("StudyDate", "date")
    today = {"StudyDate": "20250728"}
    assert decided(compare(day, "==", {"clock": "today"}), today).result == "match"
    assert decided(compare(day, "<", {"clock": "now"}), today).result == "match"


@pytest.mark.parametrize(
    ("text", "moment", "has_time"),
    [
        ("2024-01-31", DAY, False),
        ("20240131", DAY, False),
        ("2024-01-31T18:30", dt.datetime(2024, 1, 31, 18, 30), True),
        ("2024-01-31 18:30:15.25", MOMENT, True),
    ],
)
def test_it_reads_date_literals(text: str, moment: dt.datetime, has_time: bool) -> None:
    assert parse_moment(text) == (moment, has_time)


@pytest.mark.parametrize("text", ["", "2024", "2024-13-01", "2024-01-31T24:00", "2024-01-31T1"])
def test_it_refuses_other_dates(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a date|no such"):
        parse_moment(text)


def test_it_refuses_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse_moment("2024-01-31T12:00+02:00")


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1D", "P1Y", "P1M", "P-1D", "P1DT", f"P{'9' * 20}D"]
)
def test_it_refuses_other_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_it_reads_durations() -> None:
    assert parse_duration("P1W2DT3H4M5.5S") == dt.timedelta(
        weeks=1, days=2, hours=3, minutes=4, seconds=5.5
    )
