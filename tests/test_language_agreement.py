"""Where nothing is missing, a rule means what the rule-engine library itself makes of it."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
import rule_engine
import time_machine
from rule_engine import DataType

from routing.conditions import StudyFacts, compile_condition, decide
from routing.conditions.facts import Field
from routing.conditions.kinds import Kind
from routing.language import parse
from routing.language.symbols import all_symbols
from tests import language_pairs
from tests.language_pairs import IMAGE_TYPES

NOW = dt.datetime(2025, 7, 28, 12, 30)
TYPES = {
    "text": DataType.STRING,
    "number": DataType.FLOAT,
    "date": DataType.DATETIME,
    "datetime": DataType.DATETIME,
    "time": DataType.TIMEDELTA,
}


def resolve_type(name: str) -> Any:
    kind = all_symbols()[name].kind
    return DataType.ARRAY(TYPES[kind.type]) if kind.is_list else TYPES[kind.type]


def context() -> rule_engine.Context:
    return rule_engine.Context(default_timezone="utc", type_resolver=resolve_type)


def converted(facts: StudyFacts, names: list[str]) -> dict[str, Any]:
    """The values as the library takes them: the same, but moments carry a zone."""
    found = {}
    for name in names:
        symbol = all_symbols()[name]
        field = Field.make(name, symbol.kind, of_series=symbol.scope == "series")
        value = facts.each[0].load(field)
        is_moment = isinstance(value, dt.datetime)
        found[name] = value.replace(tzinfo=dt.UTC) if is_moment else value
    return found


def complete_facts(rng: random.Random) -> dict[str, Any]:
    """Facts of a study of one series that lack nothing that a rule could read."""
    facts = language_pairs.make_facts(rng)
    series = facts["series"][0]
    for values, known in (
        (language_pairs._STUDY, facts["study"]),
        (language_pairs._SERIES, series),
    ):
        for name, choices in values.items():
            known[name] = known.get(name) or rng.choice(choices)
    # A list that is shorter than a rule wants is undecided here, and an error there.
    series["ImageType"] = rng.choice([each for each in IMAGE_TYPES if each.count("\\") == 2])
    facts["study"]["Labels"] = facts["study"]["Labels"] or ["teaching"]
    return {"study": facts["study"], "series": [series]}


@pytest.mark.parametrize("seed", range(5))
def test_the_library_decides_the_same(seed: int) -> None:
    rng = random.Random(seed)
    compared = 0
    with time_machine.travel(NOW.replace(tzinfo=dt.UTC), tick=False):
        for _ in range(200):
            text = language_pairs.make_rule(rng)
            facts = StudyFacts(**complete_facts(rng))
            parsed = parse(text)
            decision = decide(compile_condition(parsed.tree), facts, now=NOW)
            if "StudyTime.hour" in text:
                # Times of day are durations to the library, which have no hour there.
                continue
            assert decision.result != "undecided", text
            values = converted(facts, [name for name in parsed.symbols if name[0] != "$"])
            theirs = rule_engine.Rule(parsed.text, context=context()).matches(values)
            assert theirs is (decision.result == "match"), (text, values)
            compared += 1
    assert compared > 150


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("InstanceCount // 7 == -3", {"InstanceCount": -20}),
        ("InstanceCount % 7 == 6", {"InstanceCount": 20}),
        ("InstanceCount / 8 == 2.5", {"InstanceCount": 20}),
        ("StudySizeMB * 3 == 3.3", {"StudySizeMB": "1.1"}),
        ("0.1 + 0.2 == 0.3", {}),
        ("-InstanceCount < -5", {"InstanceCount": 6}),
        ('"" in RemoteAET', {"RemoteAET": "CT1"}),
        ('RemoteAET =~~ "(?i)ct"', {"RemoteAET": "CT1"}),
        ('RemoteAET =~ "1"', {"RemoteAET": "CT1"}),
        ('Labels == ["a", "b"]', {"Labels": ["a", "b"]}),
        ('Labels != ["b", "a"]', {"Labels": ["a", "b"]}),
        ('RemoteAET < "CTA"', {"RemoteAET": "CT1"}),
        ('ReceivedAt.weekday == "Sunday"', {"ReceivedAt": "20250727"}),
        ('ReceivedAt.date == d"2025-07-27"', {"ReceivedAt": "20250727101112.5"}),
        ("ReceivedAt.second == 12 and ReceivedAt.month == 7", {"ReceivedAt": "20250727101112.5"}),
        ("($now - ReceivedAt).days == 1", {"ReceivedAt": "20250727101112.5"}),
        ("($now - ReceivedAt).total_seconds > 94000.25", {"ReceivedAt": "20250727101112.5"}),
        ('$today == d"2025-07-28"', {}),
    ],
)
@time_machine.travel(NOW.replace(tzinfo=dt.UTC), tick=False)
def test_operators_calculate_as_the_library_does(text: str, values: dict[str, Any]) -> None:
    parsed = parse(text)
    facts = StudyFacts(values, [{}])
    decision = decide(compile_condition(parsed.tree), facts, now=NOW)
    theirs = rule_engine.Rule(text, context=context()).matches(converted(facts, list(values)))
    assert (decision.result == "match") is theirs


def test_kinds_of_all_symbols_are_known_to_the_library() -> None:
    assert {symbol.kind.type for symbol in all_symbols().values()} <= set(TYPES)
    assert resolve_type("ImageType") == DataType.ARRAY(DataType.STRING)
    assert all_symbols()["ImageType"].kind == Kind("text", True)
