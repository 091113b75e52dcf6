"""The literals of rules: numbers, texts, dates, durations, and lists of them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from routing.conditions.kinds import BOOLEAN, DATE, DATETIME, DURATION, NUMBER, TEXT, Kind, family
from routing.conditions.text import MAX_INTEGER
from routing.conditions.values import parse_duration, parse_moment
from routing.language.advice import Value
from routing.language.grammar import Node
from routing.language.problems import RuleProblem

MAX_DIGITS = 15
MAX_EXPONENT = 100
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def literal(node: Node) -> Value | None:
    """Read a literal; None for a node that is none.

    Raises RuleProblem for one that is not valid.
    """
    read = _READERS.get(node.name)
    if read is None:
        return None
    try:
        kind, value = read(node.parts[0])
    except ValueError as error:
        raise RuleProblem("literal", str(error), node.start, node.end) from None
    return Value({"value": value, "type": kind.type}, kind, node.start, node.end)


def negative(value: Value, start: int) -> Value:
    """The literal number with the other sign."""
    return value._replace(tree={**value.tree, "value": -value.tree["value"]}, start=start)


def list_of(items: list[Value], start: int, end: int) -> Value:
    """A list of literals. Raises RuleProblem when it is empty or mixes kinds."""
    if not items:
        raise RuleProblem("literal", "an empty list holds nothing", start, end)
    first = items[0]
    for item in items:
        if item.literal is None or item.kind.is_list:
            message = "a list can hold literals only: texts, numbers, dates"
            raise RuleProblem("literal", message, item.start, item.end)
        if family(item.kind) != family(first.kind):
            message = f"this list begins with a {first.kind}, and {item.text} is a {item.kind}"
            raise RuleProblem("type_mismatch", message, item.start, item.end)
    kinds = {item.kind for item in items}
    # Dates and moments mixed: a date is the moment at which it starts, and reads as one.
    type_ = first.kind.type if len(kinds) == 1 else DATETIME.type
    tree = {"value": [item.literal for item in items], "type": type_, "list": True}
    return Value(tree, Kind(type_, True), start, end)


def _number(written: str) -> tuple[Kind, int | float]:
    if written in ("inf", "nan"):
        raise ValueError(f"{written} is not supported")
    if re.match(r"0[0-9]", written):
        raise ValueError("a number does not begin with zeros")
    if re.match(r"0[box]", written):
        return NUMBER, _integer(Decimal(int(written, 0)))
    number = Decimal(written)
    if len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_EXPONENT:
        raise ValueError(f"a number has at most {MAX_DIGITS} digits")
    if number == number.to_integral_value() and abs(number) < MAX_INTEGER:
        return NUMBER, int(number)
    return NUMBER, float(number)


def _integer(number: Decimal) -> int:
    if number >= MAX_INTEGER:
        raise ValueError(f"a number has at most {MAX_DIGITS} digits")
    return int(number)


def _text(written: str) -> tuple[Kind, str]:
    if UNSTORABLE.search(written):
        raise ValueError("the text has characters that no DICOM value can have")
    return TEXT, written


def _moment(written: str) -> tuple[Kind, str]:
    moment, has_time = parse_moment(written)
    return (DATETIME, moment.isoformat()) if has_time else (DATE, moment.date().isoformat())


def _duration(written: str) -> tuple[Kind, str]:
    parse_duration(written)
    return DURATION, written


_READERS: dict[str, Any] = {
    "BooleanExpression": lambda value: (BOOLEAN, value),
    "FloatExpression": _number,
    "StringExpression": _text,
    "DatetimeExpression": _moment,
    "TimedeltaExpression": _duration,
}
