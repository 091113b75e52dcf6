"""Says in English what a rule selects."""

from __future__ import annotations

from typing import Any

from routing.conditions import to_text
from routing.language.symbols import REQUEST, STUDY
from routing.language.symbols import subject as about

MAX_WORDS = 2_000

Tree = dict[str, Any]
_NOUNS = {
    STUDY: ("study", "Studies", "Studies"),
    REQUEST: ("C-MOVE", "C-MOVEs", "C-MOVEs of a study"),
}
_WORDS = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is one of",
    "not in": "is none of",
    "=~": "begins like the pattern",
    "=~~": "contains the pattern",
    "!~": "does not begin like the pattern",
    "!~~": "does not contain the pattern",
}
_OF_DATES = {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_HAS_NOT = {True: "do not contain", False: "does not contain"}
_METHODS = {"starts_with": "begins with", "ends_with": "ends with"}
_UNITS = {"W": "week", "D": "day", "H": "hour", "M": "minute", "S": "second"}


def sentence(tree: Tree, *, reads_series: bool) -> str:
    """One sentence for a checked condition tree."""
    one, many, of_series = _NOUNS[about()]
    if tree.get("type") == "boolean" and "value" in tree:
        return f"Every {one}." if tree["value"] else f"No {one}."
    subject = f"{of_series} with a series whose" if reads_series else f"{many} whose"
    if "not" in tree:
        what = subject.removesuffix(" whose")
        text = f"{what} for which it is not true that {_plain(tree['not'])}"
    else:
        text = f"{subject} {_clauses(tree)}"
    return text if len(text) < MAX_WORDS else f"{text[:MAX_WORDS]}…"


def _clauses(tree: Tree) -> str:
    for name, word in (("all", " and whose "), ("any", " or whose ")):
        if name in tree:
            return word.join(_plain(part) for part in tree[name])
    return _plain(tree)


def _plain(tree: Tree) -> str:
    """A condition as a clause; groups within groups in parentheses."""
    for name, word in (("all", " and "), ("any", " or ")):
        if name in tree:
            return f"({word.join(_plain(part) for part in tree[name])})"
    if "not" in tree:
        return f"(not: {_plain(tree['not'])})"
    if "op" in tree:
        return _comparison(tree)
    if "arg" in tree:
        return f"{_value(tree['of'])} {_METHODS[tree['attr']]} {_value(tree['arg'])}"
    return to_text(tree)


def _comparison(tree: Tree) -> str:
    op, left, right = tree["op"], tree["left"], tree["right"]
    if op in ("in", "not in"):
        return _membership(op, left, right)
    if "field" not in left and "field" in right:
        op, left, right = _MIRRORED.get(op, op), right, left
    words = {**_WORDS, **_OF_DATES} if _is_moment(left) or _is_moment(right) else _WORDS
    return f"{_value(left)} {words[op]} {_value(right)}"


def _membership(op: str, left: Tree, right: Tree) -> str:
    if right.get("list") and "value" in right:
        return f"{_value(left)} {_WORDS[op]} {_value(right)}"
    if "value" in right:
        is_part = "is part of" if op == "in" else "is no part of"
        return f"{_value(left)} {is_part} {_value(right)}"
    many = right.get("list")
    has = ("contain" if many else "contains") if op == "in" else _HAS_NOT[bool(many)]
    return f"{_value(right)} {has} {_value(left)}"


def _is_moment(tree: Tree) -> bool:
    if tree.get("attr") == "date" or "clock" in tree:
        return True
    if tree.get("op") in ("+", "-"):
        return _is_moment(tree["left"]) != _is_moment(tree["right"])
    return tree.get("type") in ("date", "datetime")


def _value(tree: Tree) -> str:
    if "value" in tree:
        return _literal(tree)
    if "clock" in tree:
        return "now" if tree["clock"] == "now" else "today"
    if tree.get("op") == "-" and "clock" in tree["left"] and "value" in tree["right"]:
        since = "ago" if tree["left"]["clock"] == "now" else "before today"
        return f"{_value(tree['right'])} {since}"
    if "attr" in tree:
        return f"{tree['attr'].replace('_', ' ').removeprefix('as ')} of {_value(tree['of'])}"
    return to_text(tree)


def _literal(tree: Tree) -> str:
    value = tree["value"]
    if not isinstance(value, list):
        return _scalar(value, tree["type"])
    *others, last = (_scalar(each, tree["type"]) for each in value)
    return f"{', '.join(others)} or {last}" if others else last


def _scalar(value: Any, type_: str) -> str:
    if type_ == "duration":
        return _duration(value)
    if type_ == "datetime":
        return str(value).replace("T", " ")
    if type_ == "text" and not _is_word(value):
        return f"“{value}”"
    return to_text({"value": value}) if type_ == "number" else str(value)


def _is_word(text: str) -> bool:
    return bool(text) and all(char.isalnum() or char in "_-^." for char in text)


def _duration(written: str) -> str:
    """``P1DT6H`` is "1 day 6 hours"."""
    parts, digits, in_time = [], "", False
    for char in written[1:]:
        if char == "T":
            in_time = True
        elif char in _UNITS and (in_time or char in "WD"):
            parts.append(f"{digits} {_UNITS[char]}{'' if digits == '1' else 's'}")
            digits = ""
        else:
            digits += char
    return " ".join(parts)
