"""A node refuses every tree that is not exactly what the console makes."""

from __future__ import annotations

from typing import Any

import pytest

from routing.conditions import ConditionError, compile_condition
from tests.conditions_trees import Tree, compare, field, literal

TEXT = field("StudyDescription")
NUMBER = field("InstanceCount", "number")
LIST = field("Labels", many=True)
GOOD = compare(TEXT, "==", "x")


def nested(depth: int) -> Tree:
    tree = GOOD
    for _ in range(depth):
        tree = {"not": tree}
    return tree


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (None, "rule: not an object"),
        ([], "rule: not an object"),
        ("true", "rule: not an object"),
        ({}, "no known kind of node"),
        ({"eval": "1"}, "no known kind of node"),
        ({"all": []}, "at least one condition"),
        ({"all": GOOD}, "at least one condition"),
        ({"any": [GOOD, 1]}, r"rule\.any\[1\]: not an object"),
        ({"all": [GOOD], "any": [GOOD]}, "nothing else"),
        ({"not": [GOOD]}, r"rule\.not: not an object"),
        ({**GOOD, "extra": 1}, "nothing else"),
        ({"op": "==", "left": TEXT}, "needs op, left, right"),
        ({**GOOD, "op": "===="}, "no known kind of node"),
        ({**GOOD, "op": ["=="]}, "no known kind of node"),
        (TEXT, "a text is no condition"),
        (literal(1), "a number is no condition"),
        (compare(NUMBER, "==", "1"), "number == text has no meaning"),
        (compare(LIST, "<", ["a"]), "no meaning"),
        (compare(LIST, "==", "a"), "no meaning"),
        (compare(NUMBER, "in", 1), "no meaning"),
        (compare(NUMBER, "=~", "1"), "no meaning"),
        (compare(TEXT, "=~", TEXT), "has to be written out"),
        (compare(TEXT, "=~", "("), "not a valid regular expression"),
        (compare(TEXT, "=~", "(a+)+$"), "too long"),
        (compare(compare(TEXT, "+", "x"), "==", "x"), r"text \+ text has no meaning"),
        (compare({"op": "**", "left": NUMBER, "right": NUMBER}, "==", 1), "no known kind"),
        (compare({"neg": TEXT}, "==", "x"), "cannot be negative"),
        (compare({"attr": "__class__", "of": TEXT}, "==", "x"), "no such attribute"),
        (compare({"attr": ["length"], "of": TEXT}, "==", 1), "no such attribute"),
        (compare({"attr": "format", "of": TEXT, "arg": literal("x")}, "==", True), "no such meth"),
        (compare({"item": -1, "of": LIST}, "==", "x"), "numbered from 0"),
        (compare({"item": True, "of": LIST}, "==", "x"), "numbered from 0"),
        (compare({"item": 0, "of": TEXT}, "==", "x"), "has no items"),
        (
            compare({"field": "StudyDescription", "type": "text"}, "==", "x"),
            "needs field, type, scope",
        ),
        (compare(field("a b"), "==", "x"), "DICOM keyword"),
        (compare(field("__class__"), "==", "x"), "DICOM keyword"),
        (compare({**TEXT, "type": "object"}, "==", "x"), "the type is one of"),
        (compare({**TEXT, "list": 1}, "==", "x"), "the type is one of"),
        (compare({"clock": "yesterday"}, "==", "x"), "clock is now or today"),
        (compare(TEXT, "==", literal(None, "text")), "no literal of type text"),
        (compare(TEXT, "==", literal("a\0")), "cannot be stored"),
        (compare(TEXT, "==", literal("\ud800")), "cannot be stored"),
        (compare(TEXT, "==", literal("x" * 5000)), "too long"),
        (compare(TEXT, "in", {"value": [], "type": "text", "list": True}), "at least one value"),
        (compare(TEXT, "in", literal(["x", 1])), "no literal of type text"),
        (compare(NUMBER, "in", literal([1] * 5000)), "more than 4000 parts"),
        (compare(NUMBER, "==", literal(True, "number")), "no literal of type number"),
        (compare(NUMBER, "==", 10**15), "15 digits"),
        (compare(NUMBER, "==", float("inf")), "15 digits"),
        (compare(NUMBER, "==", float("nan")), "15 digits"),
        (compare(field("StudyDate", "date"), "==", literal("2024-02-30", "date")), "no such day"),
        (compare(field("StudyDate", "date"), "==", literal("2024-01-01T10:00", "date")), "time of"),
        (compare(field("StudyTime", "time"), "<", literal("18:00", "time")), "no literal of type"),
        (compare(field("StudyTime", "time"), "<", literal("P1Y", "duration")), "write a duration"),
        (nested(20), "nested more than 20 deep"),
        ({"all": [GOOD] * 201}, "more than 200 conditions"),
    ],
)
def test_it_refuses_a_tree_and_says_why(tree: object, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        compile_condition(tree)


def test_it_accepts_trees_at_the_limits() -> None:
    compile_condition(nested(18))
    compile_condition({"all": [GOOD] * 200})
    compile_condition(compare(NUMBER, "==", 10**15 - 1))


def test_a_tree_that_contains_itself_is_refused() -> None:
    tree: dict[str, Any] = {}
    tree["not"] = tree
    with pytest.raises(ConditionError, match="deep"):
        compile_condition(tree)


def test_a_tree_that_doubles_at_each_level_is_refused() -> None:
    tree: Tree = NUMBER
    for _ in range(17):
        tree = {"op": "+", "left": tree, "right": tree}
    with pytest.raises(ConditionError, match="more than 4000 parts"):
        compile_condition(compare(tree, "==", 1))
