"""Whatever is typed is refused or decided, hangs nothing, and raises nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterator

from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse, parse_tree
from tests.hostile_rules import hostile_rules

NOW = dt.datetime(2025, 7, 28, 12)
# Of the processor, in this thread. Each takes milliseconds, which `make bench` measures; what hangs takes minutes.
HANGS_SECONDS = 2
VALUES = ("a" * 64, "ab" * 500, "aab" * 80, "a" * 127 + "b", "CT", "", "\ud83d", "1" * 5000)
FACTS = [
    StudyFacts(
        {"StudyDate": "20240131", "StudyDescription": value, "InstanceCount": 3, "Labels": [value]},
        [{"Modality": value, "SeriesDescription": value, "ImageType": f"{value}\\b"}],
    )
    for value in VALUES
]


@contextlib.contextmanager
def without_hanging(what: str) -> Iterator[None]:
    started = time.thread_time()
    yield
    assert time.thread_time() - started < HANGS_SECONDS, what


def test_hostile_rules_are_refused_or_decided_without_hanging() -> None:
    refused = decided = 0
    for text in hostile_rules(2000):
        with without_hanging(text[:200]):
            parsed = parse(text)
        assert all(problem.code not in ("internal", "tree") for problem in parsed.errors), text
        if parsed.tree is None:
            assert parsed.errors
            refused += 1
            continue
        condition = compile_condition(parsed.tree)
        with without_hanging(text[:200]):
            for facts in FACTS:
                decide(condition, facts, now=NOW)
        decided += 1
    assert refused > 1500
    assert decided > 50


def test_hostile_trees_are_refused() -> None:
    deep: object = {"field": "Modality"}
    for _ in range(5000):
        deep = {"not": deep}
    injected = {"op": "==", "left": {"field": 'Modality == "x" or Modality'}, "right": {"value": 1}}
    escaped = {
        "op": "==",
        "left": {"value": '2024" or true', "type": "date"},
        "right": {"value": 1},
    }
    huge = {"op": "in", "left": {"field": "Modality"}, "right": {"value": ["x" * 4000] * 5000}}
    number = {"op": "==", "left": {"field": "InstanceCount"}, "right": {"value": 10**6000}}
    for tree in (deep, injected, escaped, huge, number, [], None, "true"):
        with without_hanging("a tree"):
            (problem,) = parse_tree(tree).errors
        assert problem.code == "tree"
