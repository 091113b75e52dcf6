from __future__ import annotations

import datetime as dt
import json
from collections import Counter

from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse
from tests.language_pairs import generate_pairs

NOW = dt.datetime(2025, 7, 28, 12)


def test_generated_pairs_are_valid_and_of_all_results() -> None:
    results: Counter[str] = Counter()
    for text, facts in generate_pairs(500, seed=7):
        parsed = parse(text)
        assert parsed.errors == [], text
        condition = compile_condition(parsed.tree)
        results[decide(condition, StudyFacts(**facts), now=NOW).result] += 1
    assert min(results[name] for name in ("match", "no_match", "undecided")) > 50


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert list(generate_pairs(20, seed=3)) == list(generate_pairs(20, seed=3))
    assert list(generate_pairs(20, seed=3)) != list(generate_pairs(20, seed=4))


def test_a_rule_decides_the_same_after_its_journey_to_a_node_as_json() -> None:
    for text, facts in generate_pairs(500, seed=11):
        tree = parse(text).tree
        here = decide(compile_condition(tree), StudyFacts(**facts), now=NOW)
        sent, received = json.loads(json.dumps(tree)), json.loads(json.dumps(facts))
        there = decide(compile_condition(sent), StudyFacts(**received), now=NOW)
        assert here == there
        assert json.loads(json.dumps(here.explanation)) == there.explanation


def test_pairs_without_own_names_use_dicom_keywords_alone() -> None:
    for text, facts in generate_pairs(100, own_names=False):
        derived = {"PatientAgeYears", "SeriesDescriptions"}
        condition = compile_condition(parse(text).tree)
        assert condition.fields - condition.tags <= derived
        assert "RemoteAET" not in facts["study"]
