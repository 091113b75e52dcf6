"""Whatever is typed is refused or decided, in a short time, and raises nothing."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import partial

from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse, parse_tree
from routing.language.parsing import _parse
from tests.hostile_rules import hostile_rules

NOW = dt.datetime(2025, 7, 28, 12)
# Of the processor, in this thread: what else the machine does must not count.
LIMIT_SECONDS = 0.05
VALUES = ("a" * 64, "ab" * 500, "aab" * 80, "a" * 127 + "b", "CT", "", "\ud83d", "1" * 5000)
FACTS = [
    StudyFacts(
        {"StudyDate": "20240131", "StudyDescription": value, "InstanceCount": 3, "Labels": [value]},
        [{"Modality": value, "SeriesDescription": value, "ImageType": f"{value}\\b"}],
    )
    for value in VALUES
]


def quickest(act: Callable[[], object]) -> float:
    """The time of the processor that it takes; what takes long is done again, lest a garbage collection counts."""
    times = []
    while len(times) < 4 and min(times, default=1.0) > LIMIT_SECONDS:
        _parse.cache_clear()
        started = time.thread_time()
        act()
        times.append(time.thread_time() - started)
    return min(times)


def test_hostile_rules_are_refused_or_decided_in_a_short_time() -> None:
    # The first parse builds the grammar's tables, the first unknown name the dictionary.
    assert parse("true").errors == [] and parse("Unknown == 1").errors
    refused = decided = 0
    for text in hostile_rules(2000):
        assert quickest(partial(parse, text)) < LIMIT_SECONDS, text[:200]
        parsed = parse(text)
        assert all(problem.code not in ("internal", "tree") for problem in parsed.errors), text
        if parsed.tree is None:
            assert parsed.errors
            refused += 1
            continue
        condition = compile_condition(parsed.tree)
        for facts in FACTS:
            assert quickest(partial(decide, condition, facts, now=NOW)) < LIMIT_SECONDS, text[:200]
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
        started = time.thread_time()
        (problem,) = parse_tree(tree).errors
        assert problem.code == "tree"
        assert time.thread_time() - started < LIMIT_SECONDS
