"""The functions that a condition is compiled to.

Each takes the scope that it reads and the time, and returns a value, or None: then it is undecided,
because something that it needs is absent. ``and``, ``or`` and ``not`` follow Kleene's logic.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from routing.conditions.facts import Field, Scope
from routing.conditions.kinds import EQUALITY, MEMBERSHIP, ORDER, Kind

Evaluate = Callable[[Scope, dt.datetime], Any]


class Expression(NamedTuple):
    """A value: its kind, and the function that finds it. ``literal`` is set for literals."""

    kind: Kind
    evaluate: Evaluate
    literal: Any = None


def conjunction(parts: Sequence[Evaluate]) -> Evaluate:
    def evaluate(scope: Scope, now: dt.datetime) -> bool | None:
        result: bool | None = True
        for part in parts:
            outcome = part(scope, now)
            if outcome is False:
                return False
            if outcome is None:
                result = None
        return result

    return evaluate


def disjunction(parts: Sequence[Evaluate]) -> Evaluate:
    def evaluate(scope: Scope, now: dt.datetime) -> bool | None:
        result: bool | None = False
        for part in parts:
            outcome = part(scope, now)
            if outcome is True:
                return True
            if outcome is None:
                result = None
        return result

    return evaluate


def negation(part: Evaluate) -> Evaluate:
    def evaluate(scope: Scope, now: dt.datetime) -> bool | None:
        outcome = part(scope, now)
        return None if outcome is None else not outcome

    return evaluate


def reader(field: Field) -> Evaluate:
    key = field.key

    def evaluate(scope: Scope, now: dt.datetime) -> Any:
        values = scope.values
        return values[key] if key in values else scope.load(field)

    return evaluate


def constant(value: Any) -> Evaluate:
    return lambda scope, now: value


def now(scope: Scope, now: dt.datetime) -> dt.datetime:
    return now


def today(scope: Scope, now: dt.datetime) -> dt.datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def compare(op: str, left: Expression, right: Expression) -> Evaluate:
    if op in MEMBERSHIP:
        return _membership(left.evaluate, right, wanted=MEMBERSHIP[op])
    return calculate(EQUALITY.get(op) or ORDER[op], left, right)


def _membership(left: Evaluate, right: Expression, *, wanted: bool) -> Evaluate:
    find = right.evaluate
    if right.kind.is_list and right.literal is not None:
        find = constant(frozenset(right.literal))

    def evaluate(scope: Scope, now: dt.datetime) -> bool | None:
        value, container = left(scope, now), find(scope, now)
        if value is None or container is None:
            return None
        return (value in container) is wanted

    return evaluate


def match(
    left: Evaluate, find: Callable[[str], object | None], wanted: bool, longest: int
) -> Evaluate:
    """Undecided for values that are too long to be searched in a short time."""

    def evaluate(scope: Scope, now: dt.datetime) -> bool | None:
        value = left(scope, now)
        if value is None or len(value) > longest:
            return None
        return (find(value) is not None) is wanted

    return evaluate


def calculate(function: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Evaluate:
    """Undecided where there is no result: a division by zero, a date after the year 9999."""
    if right.literal is not None:
        return apply(_with_second(function, right.literal), left.evaluate)
    find_left, find_right = left.evaluate, right.evaluate

    def evaluate(scope: Scope, now: dt.datetime) -> Any:
        first, second = find_left(scope, now), find_right(scope, now)
        if first is None or second is None:
            return None
        try:
            return function(first, second)
        except ArithmeticError:
            return None

    return evaluate


def _with_second(function: Callable[[Any, Any], Any], second: Any) -> Callable[[Any], Any]:
    return lambda first: function(first, second)


def apply(function: Callable[[Any], Any], find: Evaluate) -> Evaluate:
    def evaluate(scope: Scope, now: dt.datetime) -> Any:
        value = find(scope, now)
        if value is None:
            return None
        try:
            return function(value)
        except ArithmeticError:
            return None

    return evaluate


def pick(index: int, find: Evaluate) -> Evaluate:
    """Undecided for a list that is shorter."""

    def evaluate(scope: Scope, now: dt.datetime) -> Any:
        values = find(scope, now)
        return values[index] if values is not None and index < len(values) else None

    return evaluate
