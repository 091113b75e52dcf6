"""What is wrong in a rule is told with its place and, where there is one, with what to write."""

from __future__ import annotations

import logging

import pytest

from routing.language import Problem, parse, parsing


def problem_of(text: str) -> Problem:
    parsed = parse(text)
    assert (parsed.tree, parsed.text) == (None, text)
    (problem,) = parsed.errors
    return problem


@pytest.mark.parametrize(
    ("text", "place", "code", "suggestion"),
    [
        ('Modalty == "CT"', "Modalty", "unknown_symbol", "Modality"),
        ('study_date == "x"', "study_date", "unknown_symbol", "StudyDate"),
        ('SeriesDesc == "x"', "SeriesDesc", "unknown_symbol", "SeriesDescription"),
        ('Xyzzyx == "x"', "Xyzzyx", "unknown_symbol", ""),
        ("$yesterday > StudyDate", "$yesterday", "unknown_symbol", ""),
        ('PixelData == "x"', "PixelData", "not_supported", ""),
        ("SliceThickness == '2'", "'2'", "type_mismatch", "2"),
        ("PatientID == 42", "42", "type_mismatch", '"42"'),
        ("PatientAge > 18", "PatientAge", "type_mismatch", "PatientAgeYears"),
        ("StudyDate > 20000101", "20000101", "type_mismatch", 'd"2000-01-01"'),
        ('StudyDate > "2000-01-01"', '"2000-01-01"', "type_mismatch", 'd"2000-01-01"'),
        ("StudyTime >= 180000", "180000", "type_mismatch", 't"PT18H"'),
        ('StudyTime >= "18:30"', '"18:30"', "type_mismatch", 't"PT18H30M"'),
        ('ModalitiesInStudy == "CT"', None, "type_mismatch", '"CT" in ModalitiesInStudy'),
        ('"CT" != ModalitiesInStudy', None, "type_mismatch", '"CT" not in ModalitiesInStudy'),
        (
            'ModalitiesInStudy in ["CT", "MR"]',
            None,
            "type_mismatch",
            '"CT" in ModalitiesInStudy or "MR" in ModalitiesInStudy',
        ),
        ("SeriesNumber in 3", "3", "type_mismatch", "SeriesNumber == 3"),
        ("PatientID in [1, 2]", None, "type_mismatch", ""),
        ('3 in ["1", "2"]', None, "type_mismatch", '"3"'),
        ('SeriesDescriptions =~~ "T1"', None, "type_mismatch", 'SeriesDescription =~~ "T1"'),
        ('SliceThickness =~ "1"', None, "type_mismatch", ""),
        ("PatientID =~ 1", "1", "type_mismatch", ""),
        ("StudyDate < $now - 365", "365", "type_mismatch", 't"P365D"'),
        ("StudyDate == PatientID", None, "type_mismatch", ""),
        ("ImageType < ImageType", None, "type_mismatch", ""),
        ('Modality == "CT" or "MR"', '"MR"', "not_a_condition", 'Modality in ["CT", "MR"]'),
        ('Modality != "CT" and "MR"', '"MR"', "not_a_condition", 'Modality not in ["CT", "MR"]'),
        ("Modality", "Modality", "not_a_condition", ""),
        ("not Modality", "Modality", "not_a_condition", ""),
        ("Labels", "Labels", "not_a_condition", '"..." in Labels'),
        ("(1 == 1) == true", "1 == 1", "type_mismatch", ""),
        ("Modality.lenght > 1", "Modality.lenght", "attribute", ""),
        ("SliceThickness.length > 1", "SliceThickness.length", "attribute", ""),
        ('Modality.starts_with("a", "b")', None, "attribute", ""),
        ("Modality.starts_with(1)", "1", "type_mismatch", ""),
        ("Modality.starts_with == true", "Modality.starts_with", "attribute", ""),
        ('Modality[0] == "C"', "Modality[0]", "type_mismatch", ""),
        ('ImageType["a"] == "C"', '"a"', "type_mismatch", ""),
        ('Modality =~ "(a+)+"', '"(a+)+"', "pattern", ""),
        ('Modality =~ "("', '"("', "pattern", ""),
        ("Modality =~ StationName", "StationName", "pattern", ""),
        ('StudyDate == d"2024-02-30"', 'd"2024-02-30"', "literal", ""),
        ('StudyDate == d"2024-01-01T12:00Z"', 'd"2024-01-01T12:00Z"', "literal", ""),
        ('$now - StudyDate > t"P1Y"', 't"P1Y"', "literal", ""),
        ("InstanceCount == 007", "007", "literal", ""),
        ("InstanceCount == nan", "nan", "literal", ""),
        ('Modality == "\\x4"', '"\\x4"', "literal", ""),
        ('Modality in ["CT", 1]', "1", "type_mismatch", ""),
        ("Modality in [StationName]", "StationName", "literal", ""),
        ("Modality in []", "[]", "literal", ""),
        ('Modality == {"CT"}', '{"CT"}', "not_supported", ""),
        ("Modality ?? StationName == 1", None, "not_supported", ""),
        ("Modality == null", "null", "not_supported", ""),
        ("9 ** 9 > 1", "9 ** 9", "not_supported", ""),
        ("$sum([1]) > 1", "$sum([1])", "not_supported", ""),
        ("[x for x in ImageType]", None, "not_supported", ""),
        ("Modality&.length > 1", "Modality&.length", "not_supported", ""),
        ("-Modality == 1", "-Modality", "type_mismatch", ""),
        ('Modality = "CT"', "=", "syntax", "=="),
        ('Modality == "CT" && true', "&&", "syntax", "and"),
        ('Modality == "CT" || true', "||", "syntax", "or"),
        ('Modality == "CT" AND true', "AND", "syntax", "and"),
        ("!true", "!", "syntax", "not"),
        (
            "Modality == \N{LEFT DOUBLE QUOTATION MARK}CT",
            "\N{LEFT DOUBLE QUOTATION MARK}",
            "syntax",
            '"',
        ),
        ('StudyDescription contains "x"', "contains", "syntax", ""),
        ('Modality == "CT', '"', "syntax", ""),
        ("true else", "else", "syntax", ""),
        ("1 == 1 == 1", "==", "syntax", ""),
        ("true true", "true", "syntax", ""),
    ],
)
def test_it_tells_the_place_and_what_to_write(
    text: str, place: str | None, code: str, suggestion: str
) -> None:
    problem = problem_of(text)
    assert (problem.code, problem.suggestion) == (code, suggestion)
    wanted = text if place is None else place
    assert text[problem.start : problem.end] == wanted


def test_a_place_has_line_and_column() -> None:
    problem = problem_of('Modality == "CT" and\n  PatientAgeYears > "42"')
    assert (problem.line, problem.column) == (2, 21)
    assert problem.message == "PatientAgeYears is a number, so write 42"


def test_lines_are_counted_anew_for_each_rule() -> None:
    parse("true and\n\n\ntrue")
    assert problem_of("Modality =").line == 1
    assert problem_of("true\r\nand =").line == 2


def test_a_rule_that_ends_too_early_is_told_at_its_end() -> None:
    problem = problem_of("Modality ==")
    assert (problem.start, problem.end, problem.message) == (11, 11, "the rule is not complete")


def test_all_conditions_that_have_a_problem_are_told() -> None:
    errors = parse('Foo == 1 and (Modality == 2 or true) and Bar == "x"').errors
    assert [problem.code for problem in errors] == [
        "unknown_symbol",
        "type_mismatch",
        "unknown_symbol",
    ]
    assert len(parse(" and ".join(["Foo == 1"] * 100)).errors) == 10


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_rule_is_refused_with_a_hint(text: str) -> None:
    problem = problem_of(text)
    assert (problem.code, problem.suggestion) == ("empty", "true")
    assert "every study" in problem.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("true" + " " * 4000, "too_long"),
        (" or ".join(["1==1"] * 201), "too_many"),
        ("not " * 30 + "true", "too_deep"),
        ("(" * 1200 + "true" + ")" * 1200, "too_long"),
    ],
)
def test_rules_beyond_the_limits_are_refused(text: str, code: str) -> None:
    assert parse(text).errors[-1].code == code


def test_a_rule_that_would_grow_beyond_the_limit_is_refused() -> None:
    text = " or ".join(["InstanceCount<1"] * 199) + "#" + "x" * 200
    assert len(text) < 4000
    assert problem_of(text).code == "too_long"


def test_a_failure_of_the_console_is_told_and_logged_without_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "S" + "ECRET"

    def fail(*_args: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(parsing, "warnings", fail)
    with caplog.at_level(logging.ERROR):
        assert problem_of(f'PatientID == "{secret}"').code == "internal"
    assert "RuntimeError" in caplog.text
    assert "parsing.py" in caplog.text
    assert secret not in caplog.text
    parsing._parse.cache_clear()


def test_problems_are_plain_json() -> None:
    assert parse("Foo").as_dict()["errors"] == [
        {
            "code": "unknown_symbol",
            "message": "Foo is no DICOM keyword",
            "start": 0,
            "end": 3,
            "line": 1,
            "column": 1,
            "suggestion": "",
        }
    ]
