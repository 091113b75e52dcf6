"""The closed set of types, operators and attributes of the rule language.

One table for both sides: the console checks rules against it, and the evaluation runs what it
holds.
"""

from __future__ import annotations

import datetime as dt
import decimal
import operator
from collections.abc import Callable
from typing import Any, NamedTuple


class ConditionError(ValueError):
    """A condition tree that is not valid; the message says where and why."""


class Kind(NamedTuple):
    """What a value is: its type, and whether it is a list of those."""

    type: str
    is_list: bool = False

    def __str__(self) -> str:
        return f"list of {self.type}s" if self.is_list else self.type


TEXT = Kind("text")
NUMBER = Kind("number")
DATE = Kind("date")
DATETIME = Kind("datetime")
TIME = Kind("time")
DURATION = Kind("duration")
BOOLEAN = Kind("boolean")
TYPES = ("text", "number", "date", "datetime", "time", "duration", "boolean")

EQUALITY: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Operator: the method of a compiled pattern, and whether the condition holds when that finds
# something.
MATCHING = {
    "=~": ("match", True),
    "=~~": ("search", True),
    "!~": ("match", False),
    "!~~": ("search", False),
}
# Operator: whether the condition holds when the left value is among the right ones.
MEMBERSHIP = {"in": True, "not in": False}
ARITHMETIC = ("+", "-", "*", "/", "//", "%")
COMPARISONS = (*EQUALITY, *ORDER, *MATCHING, *MEMBERSHIP)

# A date is the moment at which it starts, and a time of day what has passed since midnight, so that
# dates compare with moments and times with durations.
_FAMILIES = {"date": "moment", "datetime": "moment", "time": "span", "duration": "span"}


def family(kind: Kind) -> tuple[str, bool]:
    """What a value can be compared with: values of the same family."""
    return _FAMILIES.get(kind.type, kind.type), kind.is_list


def can_compare(op: str, left: Kind, right: Kind) -> bool:
    """Whether a comparison of values of these kinds has a meaning."""
    if op in EQUALITY:
        return family(left) == family(right)
    if op in ORDER:
        return family(left) == family(right) and not left.is_list and left != BOOLEAN
    if op in MATCHING:
        return left == TEXT and right == TEXT
    if right == TEXT:
        return left == TEXT
    return right.is_list and not left.is_list and family(left)[0] == family(right)[0]


def arithmetic_kind(op: str, left: Kind, right: Kind) -> Kind | None:
    """Kind of the result, or None when the operator has no meaning for operands of these kinds."""
    if left.is_list or right.is_list:
        return None
    operands = family(left)[0], family(right)[0]
    if operands == ("number", "number"):
        return NUMBER
    if operands == ("span", "span") and op in ("+", "-"):
        return DURATION
    if operands == ("moment", "span") and op in ("+", "-"):
        return DATETIME
    if operands == ("span", "moment") and op == "+":
        return DATETIME
    if operands == ("moment", "moment") and op == "-":
        return DURATION
    return None


# Explicit, because the precision of a thread's own context can be changed by anyone in the process.
_DECIMAL = decimal.Context(prec=28)
_NUMERIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _DECIMAL.add,
    "-": _DECIMAL.subtract,
    "*": _DECIMAL.multiply,
    "/": _DECIMAL.divide,
    "//": _DECIMAL.divide_int,
    "%": _DECIMAL.remainder,
}
_TEMPORAL: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}


def calculation(op: str, left: Kind) -> Callable[[Any, Any], Any]:
    """The function that calculates ``left op right``.

    It raises ArithmeticError for what has no result: a division by zero, a date after the year
    9999.
    """
    return (_NUMERIC if left == NUMBER else _TEMPORAL)[op]


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_Attribute = tuple[Kind, Callable[[Any], Any]]


def _number_of(get: Callable[[Any], int]) -> _Attribute:
    return NUMBER, lambda value: decimal.Decimal(get(value))


def _midnight(value: dt.datetime) -> dt.datetime:
    return value.replace(hour=0, minute=0, second=0, microsecond=0)


def _total_seconds(value: dt.timedelta) -> decimal.Decimal:
    microseconds = decimal.Decimal(value // dt.timedelta(microseconds=1))
    return _DECIMAL.divide(microseconds, decimal.Decimal(1_000_000))


_OF_TEXT: dict[str, _Attribute] = {
    "as_lower": (TEXT, str.lower),
    "as_upper": (TEXT, str.upper),
    "length": _number_of(len),
}
_OF_MOMENT: dict[str, _Attribute] = {
    "year": _number_of(lambda value: value.year),
    "month": _number_of(lambda value: value.month),
    "day": _number_of(lambda value: value.day),
    "hour": _number_of(lambda value: value.hour),
    "minute": _number_of(lambda value: value.minute),
    "second": _number_of(lambda value: value.second),
    "weekday": (TEXT, lambda value: WEEKDAYS[value.weekday()]),
    "date": (DATE, _midnight),
}
_OF_SPAN: dict[str, _Attribute] = {
    "days": _number_of(lambda value: value.days),
    "total_seconds": (NUMBER, _total_seconds),
}
_OF_TIME: dict[str, _Attribute] = {
    "hour": _number_of(lambda value: value.seconds // 3600),
    "minute": _number_of(lambda value: value.seconds // 60 % 60),
    "second": _number_of(lambda value: value.seconds % 60),
    "total_seconds": _OF_SPAN["total_seconds"],
}
_OF_LIST: dict[str, _Attribute] = {"length": _number_of(len)}
_ATTRIBUTES = {
    "text": _OF_TEXT,
    "date": _OF_MOMENT,
    "datetime": _OF_MOMENT,
    "time": _OF_TIME,
    "duration": _OF_SPAN,
}
METHODS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def attributes(kind: Kind) -> dict[str, _Attribute]:
    """The attributes that a value has: name to the kind of the result and the function."""
    return _OF_LIST if kind.is_list else _ATTRIBUTES.get(kind.type, {})
