"""How long rules may take: compiled, parsed by the console, evaluated by the thousand. Times of the processor."""

from __future__ import annotations

import datetime as dt
import random
import time
from statistics import median

from rest_framework.test import APIClient

from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse
from routing.language.parsing import _parse
from tests import language_pairs

NOW = dt.datetime(2025, 7, 28, 12)


def rules(count: int) -> list[str]:
    rng = random.Random(5)
    return [language_pairs.make_rule(rng) for _number in range(count)]


def test_a_thousand_rules_are_evaluated_on_a_study_in_25_ms() -> None:
    conditions = [compile_condition(parse(text).tree) for text in rules(1000)]
    rng = random.Random(6)
    times = []
    for _study in range(9):
        raw = language_pairs.make_facts(rng)
        started = time.thread_time()
        facts = StudyFacts(raw["study"], raw["series"])
        for condition in conditions:
            decide(condition, facts, now=NOW)
        times.append(time.thread_time() - started)
    assert median(times) < 0.025


def test_a_rule_is_compiled_in_a_millisecond() -> None:
    trees = [parse(text).tree for text in rules(300)]
    times = []
    for tree in trees:
        started = time.thread_time()
        compile_condition(tree)
        times.append(time.thread_time() - started)
    assert median(times) < 0.001


def test_the_endpoint_answers_in_50_ms(charlie_api: APIClient) -> None:
    times = []
    for text in rules(60):
        _parse.cache_clear()
        started = time.perf_counter()
        answer = charlie_api.post("/api/v1/rules/parse/", {"text": text})
        times.append(time.perf_counter() - started)
        assert answer.status_code == 200
    assert median(times) < 0.05
