"""What to write instead: the messages for values that do not fit together."""

from __future__ import annotations

from typing import Any, NamedTuple

from routing.conditions import to_text
from routing.conditions.kinds import EQUALITY, MATCHING, MEMBERSHIP, TEXT, Kind, family
from routing.conditions.values import parse_moment, read
from routing.language.problems import RuleProblem


class Value(NamedTuple):
    """A value in a rule: its tree, its kind, and its place in the text."""

    tree: dict[str, Any]
    kind: Kind
    start: int
    end: int

    @property
    def text(self) -> str:
        return to_text(self.tree)

    @property
    def literal(self) -> Any:
        """The value of a literal, None for anything else."""
        return self.tree.get("value")


# What rules cannot hold, by the library's name for it.
REFUSED = {
    "ComprehensionExpression": "a list made by for ... in is not supported",
    "TernaryExpression": "a choice by ? and : is not supported",
    "CoalesceExpression": "?? is not supported: a condition that reads a missing tag is undecided",
    "NullExpression": "null is not supported: a condition that reads a missing tag is undecided",
    "BitwiseExpression": "& | and ^ are not supported: write and, or",
    "BitwiseShiftExpression": "<< and >> are not supported",
    "BytesExpression": 'bytes are not supported: write text, as in "CT"',
    "MappingExpression": "a mapping in braces is not supported",
    "GetSliceExpression": "a part of a list or text by [from:to] is not supported",
}


def bare_value(value: Value, previous: dict[str, Any] | None) -> RuleProblem:
    """A value stands where a condition has to be."""
    suggestion = _as_list(value, previous)
    message = f"{value.text} alone is no condition: compare it with something"
    if suggestion:
        message = f"{value.text} alone is no condition: list the values"
    elif value.kind.is_list:
        suggestion = f'"..." in {value.text}'
    return RuleProblem("not_a_condition", message, value.start, value.end, suggestion)


def _as_list(value: Value, previous: dict[str, Any] | None) -> str:
    """``Modality == "CT" or "MR"`` means ``Modality in ["CT", "MR"]``."""
    if value.literal is None or previous is None or previous.get("op") not in ("==", "!="):
        return ""
    before = previous["right"]
    if "value" not in before or before.get("type") != value.kind.type or before.get("list"):
        return ""
    values = {**before, "value": [before["value"], value.literal], "list": True}
    op = "in" if previous["op"] == "==" else "not in"
    return to_text({"op": op, "left": previous["left"], "right": values})


def mismatch(op: str, left: Value, right: Value) -> RuleProblem:
    """Two values whose kinds cannot be compared by this operator."""
    if op in MATCHING:
        return _no_match(op, left, right)
    if op in MEMBERSHIP:
        return _no_membership(op, left, right)
    if left.tree.get("field") == "PatientAge" and right.kind.type == "number":
        message = "PatientAge is a text such as 042Y; the age as a number is PatientAgeYears"
        return RuleProblem("type_mismatch", message, left.start, left.end, "PatientAgeYears")
    for value, other in ((right, left), (left, right)):
        instead = _literal_as(value, other.kind)
        if instead:
            message = f"{other.text} is a {other.kind}, so write {instead}"
            return RuleProblem("type_mismatch", message, value.start, value.end, instead)
    message = f"{left.text} is a {left.kind} and {right.text} a {right.kind}"
    start, end = left.start, right.end
    for container, member in ((left, right), (right, left)):
        if op in EQUALITY and container.kind.is_list and not member.kind.is_list:
            message = f"{container.text} is a list: ask whether it holds {member.text}"
            word = "in" if op == "==" else "not in"
            suggestion = f"{member.text} {word} {container.text}"
            return RuleProblem("type_mismatch", message, start, end, suggestion)
    if family(left.kind) == family(right.kind):
        message += f": such values have no order, so {op} has no meaning"
    return RuleProblem("type_mismatch", f"{message}: they cannot be compared", start, end)


def _no_match(op: str, left: Value, right: Value) -> RuleProblem:
    if right.kind != TEXT:
        message = f'after {op} comes a pattern in quotation marks, as in {op} "^HEAD"'
        return RuleProblem("type_mismatch", message, right.start, right.end)
    message = f"{left.text} is a {left.kind}, and {op} looks into texts only"
    suggestion = ""
    if left.text == "SeriesDescriptions":
        suggestion = f"SeriesDescription {op} {right.text}"
        message += "; a rule matches when one of the series does"
    elif left.kind.is_list:
        suggestion = f"{left.text}[0] {op} {right.text}"
    return RuleProblem("type_mismatch", message, left.start, right.end, suggestion)


def _no_membership(op: str, left: Value, right: Value) -> RuleProblem:
    if left.kind.is_list and isinstance(right.literal, list):
        parts = [
            to_text(
                {"op": op, "left": {**right.tree, "value": item, "list": False}, "right": left.tree}
            )
            for item in right.literal
        ]
        message = f"{left.text} is itself a list: ask for each value whether it holds it"
        suggestion = (" or " if op == "in" else " and ").join(parts)
        return RuleProblem("type_mismatch", message, left.start, right.end, suggestion)
    if not right.kind.is_list:
        message = f"{right.text} is a single {right.kind}, not a list"
        instead = f"{left.text} {'==' if op == 'in' else '!='} {right.text}"
        suggestion = instead if family(left.kind) == family(right.kind) else ""
        return RuleProblem("type_mismatch", message, right.start, right.end, suggestion)
    member = Kind(right.kind.type)
    suggestion = _literal_as(left, member)
    message = f"{right.text} is a {right.kind}, and {left.text} a {left.kind}"
    return RuleProblem("type_mismatch", message, left.start, right.end, suggestion)


def _literal_as(value: Value, wanted: Kind) -> str:
    """How a literal would be written if it were of the wanted kind; empty when it cannot be."""
    written = value.literal
    if written is None or isinstance(written, (bool, list)) or wanted.is_list:
        return ""
    if wanted == TEXT and value.kind.type == "number":
        return to_text({"value": str(written), "type": "text"})
    if wanted.type == "number" and isinstance(written, str):
        number = read(written, wanted).value
        return "" if number is None else str(number)
    if wanted.type in ("date", "datetime"):
        return _as_date(str(written))
    if wanted.type == "time":
        return _as_time(str(written))
    return ""


def _as_date(written: str) -> str:
    try:
        moment, has_time = parse_moment(written)
    except ValueError:
        return ""
    text = moment.isoformat() if has_time else moment.date().isoformat()
    return f'd"{text}"'


def _as_time(written: str) -> str:
    time = read(written, Kind("time")).value
    if time is None:
        return ""
    hours, rest = divmod(int(time.total_seconds()), 3600)
    return f't"PT{hours}H{rest // 60}M"' if rest else f't"PT{hours}H"'


def calculation_mismatch(op: str, left: Value, right: Value) -> RuleProblem:
    """Two values with which this operator cannot calculate."""
    suggestion = ""
    if left.kind.type in ("date", "datetime") and right.kind.type == "number":
        days = right.literal
        suggestion = f't"P{days}D"' if isinstance(days, int) and days >= 0 else ""
    message = f"{left.kind} {op} {right.kind} has no meaning"
    if suggestion:
        message += f": to move a date, write a duration such as {suggestion}"
        return RuleProblem("type_mismatch", message, right.start, right.end, suggestion)
    return RuleProblem("type_mismatch", message, left.start, right.end)
