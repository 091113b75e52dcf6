from __future__ import annotations

from typing import Any

import pytest

from tests.conditions_trees import Tree, compare, decided, field, literal

TEXT = field("StudyDescription")
NUMBER = field("InstanceCount", "number")
LIST = field("Labels", many=True)
DATE = field("StudyDate", "date")
TIME = field("StudyTime", "time")
STUDY = {
    "StudyDescription": "HEAD T1",
    "InstanceCount": 20,
    "Labels": ["a", "b"],
    "StudyDate": "20240131",
    "StudyTime": "183015",
}


def calc(left: Tree, op: str, right: Any) -> Tree:
    return compare(left, op, right)


def days(count: int) -> Tree:
    return literal(f"P{count}D", "duration")


@pytest.mark.parametrize(
    ("tree", "result"),
    [
        (compare(TEXT, "==", "HEAD T1"), "match"),
        (compare(TEXT, "==", "HEAD"), "no_match"),
        (compare(TEXT, "<", "HEAE"), "match"),
        (compare(NUMBER, ">=", 20), "match"),
        (compare(NUMBER, "<", 20), "no_match"),
        (compare(literal("a"), "in", LIST), "match"),
        (compare(literal("c"), "not in", LIST), "match"),
        (compare(literal("HEAD"), "in", TEXT), "match"),
        (compare(TEXT, "in", ["HEAD", "HEAD T1"]), "match"),
        (compare(NUMBER, "not in", [20.0, 1]), "no_match"),
        (compare(LIST, "==", ["a", "b"]), "match"),
        (compare(LIST, "!=", ["b", "a"]), "match"),
        (compare(TEXT, "=~", "T1"), "no_match"),
        (compare(TEXT, "=~~", "T1"), "match"),
        (compare(TEXT, "!~", "T1"), "match"),
        (compare(TEXT, "!~~", "T1"), "no_match"),
        (compare(calc(NUMBER, "*", 2), "==", 40), "match"),
        (compare(calc(NUMBER, "/", 8), "==", 2.5), "match"),
        (compare({"neg": NUMBER}, "<", -19), "match"),
        (compare(calc(DATE, "+", days(1)), "==", literal("2024-02-01", "date")), "match"),
        (compare(calc({"clock": "now"}, "-", DATE), ">", days(365)), "match"),
        (compare(TIME, ">=", literal("PT18H", "duration")), "match"),
        (
            compare(calc(DATE, "+", TIME), "==", literal("2024-01-31T18:30:15", "datetime")),
            "match",
        ),
        (compare({"attr": "hour", "of": TIME}, "==", 18), "match"),
        (compare({"attr": "minute", "of": TIME}, "==", 30), "match"),
        (compare({"attr": "second", "of": TIME}, "==", 15), "match"),
        (compare({"attr": "year", "of": DATE}, "==", 2024), "match"),
        (compare({"attr": "weekday", "of": DATE}, "==", "Wednesday"), "match"),
        (compare({"attr": "length", "of": LIST}, "==", 2), "match"),
        (compare({"attr": "length", "of": TEXT}, "==", 7), "match"),
        (compare({"attr": "as_lower", "of": TEXT}, "==", "head t1"), "match"),
        (compare({"item": 1, "of": LIST}, "==", "b"), "match"),
        ({"attr": "starts_with", "of": TEXT, "arg": literal("HEAD")}, "match"),
        ({"attr": "ends_with", "of": TEXT, "arg": literal("HEAD")}, "no_match"),
        (
            compare({"attr": "ends_with", "of": TEXT, "arg": literal("T1")}, "==", True),
            "match",
        ),
    ],
)
def test_it_compares_and_calculates(tree: Tree, result: str) -> None:
    assert decided(tree, STUDY).result == result
    assert decided(tree, {}).result == "undecided"


@pytest.mark.parametrize(
    "tree",
    [
        compare(calc(NUMBER, "/", calc(NUMBER, "-", 20)), "==", 1),
        compare(calc(NUMBER, "%", calc(NUMBER, "-", 20)), "==", 1),
        compare(calc(DATE, "+", days(9_000_000)), ">", DATE),
        compare(calc(DATE, "-", days(9_000_000)), "<", DATE),
        compare({"item": 2, "of": LIST}, "==", "c"),
        compare(NUMBER, "==", calc(literal(1), "/", 0)),
    ],
)
def test_what_has_no_result_is_undecided(tree: Tree) -> None:
    assert decided(tree, STUDY).result == "undecided"


def test_numbers_are_decimal() -> None:
    tree = compare(calc(literal(0.1), "+", 0.2), "==", 0.3)
    assert decided(tree).result == "match"
    assert decided(compare(NUMBER, "==", 1.1), {"InstanceCount": "1.10"}).result == "match"


def test_dates_cross_months_and_leap_days() -> None:
    tree = compare(calc(DATE, "+", days(1)), "==", literal("2024-02-29", "date"))
    assert decided(tree, {"StudyDate": "20240228"}).result == "match"
