"""Decides a condition for a study, and explains the decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from routing.conditions.compiler import Condition, Group, Leaf
from routing.conditions.facts import Field, Scope, StudyFacts
from routing.conditions.values import ABSENT, shown

MATCH, NO_MATCH, UNDECIDED = "match", "no_match", "undecided"
MAX_SHOWN = 200

_OPPOSITES = {MATCH: NO_MATCH, NO_MATCH: MATCH, UNDECIDED: UNDECIDED}
_RESULTS = {True: MATCH, False: NO_MATCH, None: UNDECIDED}
_SERIES_NAMES = ("SeriesInstanceUID", "SeriesNumber", "Modality", "SeriesDescription")


@dataclass(frozen=True)
class Decision:
    """What a condition said of a study.

    ``result`` is ``match``, ``no_match`` or ``undecided`` (something that was needed is absent);
    ``matched_series`` are the positions in the facts of the series that match: all of them when a
    study matches for what the study itself is.
    """

    result: str
    matched_series: tuple[int, ...]
    _explain: Callable[[], dict[str, Any]] = field(repr=False, compare=False)

    @cached_property
    def explanation(self) -> dict[str, Any]:
        """Why, in a form for JSON; made when it is first asked for.

        ``{"result", "level", "series", "tree"}``: ``series`` names the series that decided, or is
        null when the study itself did. ``tree`` has the shape of the condition: groups are
        ``{"kind": "all" | "any" | "not", "result", "deciding", "parts": [...]}``, conditions
        ``{"kind": "condition", "result", "deciding", "text", "seen": [{"field", "value", "absent",
        "note"}]}``. ``deciding`` marks what brought the result about.
        """
        return self._explain()


def decide(
    condition: Condition, facts: StudyFacts, *, level: str = "study", now: dt.datetime
) -> Decision:
    """Decide a condition for a study.

    At level ``study``, a condition that reads nothing of a series is evaluated once. One that does
    is evaluated for each series, and the study matches when a series does; it is undecided when no
    series matches and some are undecided. Level ``series`` always looks at each series. A study
    without series counts as one that has a single empty series.

    ``now`` is the local time of the node; a time zone that it carries is left out.
    """
    if level not in ("study", "series"):
        raise ValueError(f"the level is study or series, not {level!r}")
    now = now.replace(tzinfo=None)
    if not facts.each or (level == "study" and not condition.reads_series):
        outcome = condition.root.evaluate(facts.whole, now)
        matched = range(len(facts.each)) if outcome else ()
        explain = partial(_explain, condition, facts, level, None, outcome, now)
        return Decision(_RESULTS[outcome], tuple(matched), explain)
    outcomes = [condition.root.evaluate(scope, now) for scope in facts.each]
    outcome = True if True in outcomes else None if None in outcomes else False
    decider = outcomes.index(outcome)
    matched_series = tuple(index for index, each in enumerate(outcomes) if each)
    explain = partial(_explain, condition, facts, level, decider, outcome, now)
    return Decision(_RESULTS[outcome], matched_series, explain)


def _explain(
    condition: Condition,
    facts: StudyFacts,
    level: str,
    series: int | None,
    outcome: bool | None,
    now: dt.datetime,
) -> dict[str, Any]:
    scope = facts.whole if series is None else facts.each[series]
    return {
        "result": _RESULTS[outcome],
        "level": level,
        "series": None if series is None else _name_of(facts, series),
        "tree": _explain_node(condition.root, scope, now, deciding=True),
    }


def _name_of(facts: StudyFacts, series: int) -> dict[str, Any]:
    known = facts.series[series]
    names = {name: _clip(shown(known[name])) for name in _SERIES_NAMES if known.get(name)}
    return {"index": series, **names}


def _explain_node(
    node: Leaf | Group, scope: Scope, now: dt.datetime, *, deciding: bool
) -> dict[str, Any]:
    explained = _explain_all(node, scope, now)
    _mark(explained, deciding)
    return explained


def _explain_all(node: Leaf | Group, scope: Scope, now: dt.datetime) -> dict[str, Any]:
    """The explanation without what decided; each condition is evaluated once."""
    if isinstance(node, Leaf):
        result = _RESULTS[node.evaluate(scope, now)]
        seen = [_seen(each, scope, node.longest) for each in node.fields]
        return {
            "kind": "condition",
            "result": result,
            "deciding": False,
            "text": node.text,
            "seen": seen,
        }
    parts = [_explain_all(part, scope, now) for part in node.parts]
    results = [part["result"] for part in parts]
    return {
        "kind": node.name,
        "result": _joined(node.name, results),
        "deciding": False,
        "parts": parts,
    }


def _joined(name: str, results: list[str]) -> str:
    if name == "not":
        return _OPPOSITES[results[0]]
    strongest = NO_MATCH if name == "all" else MATCH
    if strongest in results:
        return strongest
    return UNDECIDED if UNDECIDED in results else _OPPOSITES[strongest]


def _mark(explained: dict[str, Any], deciding: bool) -> None:
    """What a group comes to is decided by the parts that come to the same, or for ``not`` to the contrary."""
    explained["deciding"] = deciding
    for part in explained.get("parts", ()):
        same = explained["kind"] == "not" or part["result"] == explained["result"]
        _mark(part, deciding and same)


def _seen(field: Field, scope: Scope, longest: int | None) -> dict[str, Any]:
    """Kept in the scope: a thousand rules read the same few fields."""
    key = (field.key, longest)
    if key not in scope.seen:
        scope.seen[key] = _look(field, scope, longest)
    return scope.seen[key]


def _look(field: Field, scope: Scope, longest: int | None) -> dict[str, Any]:
    reading, raw = scope.reading(field), scope.raw(field)
    note = reading.note
    if longest and isinstance(reading.value, str) and len(reading.value) > longest:
        note = f"longer than {longest} characters, too long for this pattern"
    return {
        "field": field.name,
        "value": ABSENT if raw is None else _clip(shown(raw).strip(" \0")),
        "absent": reading.value is None,
        "note": "" if note == ABSENT else note,
    }


def _clip(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
