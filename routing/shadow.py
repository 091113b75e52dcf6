"""Rules that are never asked, because an earlier one that stops matches whatever they match. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from routing.conditions.kinds import EQUALITY, ORDER
from routing.conditions.values import parse_duration, parse_moment

Tree = Mapping[str, Any]
EVERYTHING = {"value": True, "type": "boolean"}
NOTHING = {"value": False, "type": "boolean"}
_EXCLUDES = ("!=", "not in")
_NEGATIONS = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}


class Entry(NamedTuple):
    """What of a rule matters here. `nodes` is empty for every node; `stops` is true for an active rule that stops."""

    key: int
    name: str
    tree: Tree
    nodes: frozenset[int]
    stops: bool


def shadowed(rules: Sequence[Entry]) -> dict[int, Entry]:
    """Rule -> the earlier rule that takes all of its studies, for rules in their order."""
    found: dict[int, Entry] = {}
    stopping: list[Entry] = []
    for rule in rules:
        for earlier in stopping:
            if _covers(earlier.nodes, rule.nodes) and implies(rule.tree, earlier.tree):
                found[rule.key] = earlier
                break
        if rule.stops:
            stopping.append(rule)
    return found


def _covers(many: frozenset[int], few: frozenset[int]) -> bool:
    return not many or (bool(few) and few <= many)


def implies(narrow: Tree, wide: Tree) -> bool:
    """Whether whatever matches `narrow` certainly matches `wide`; False also when that cannot be told."""
    if wide == EVERYTHING or narrow in (NOTHING, wide):
        return True
    if "any" in narrow:
        return all(implies(part, wide) for part in narrow["any"])
    if "all" in wide:
        return all(implies(narrow, part) for part in wide["all"])
    if "any" in wide and any(implies(narrow, part) for part in wide["any"]):
        return True
    if "all" in narrow:
        return any(implies(part, wide) for part in narrow["all"])
    if "not" in narrow and "not" in wide:
        return implies(wide["not"], narrow["not"])
    return _leaf_implies(narrow, wide)


def _leaf_implies(narrow: Tree, wide: Tree) -> bool:
    first, second = _constraint(narrow), _constraint(wide)
    if first is None or second is None or first[0] != second[0]:
        return False
    _field, op, value = first
    _same, wide_op, wide_value = second
    candidates = value if op == "in" else (value,)
    if op in ("==", "in"):
        return all(_holds(wide_op, each, wide_value) for each in candidates)
    if op in _EXCLUDES and wide_op in _EXCLUDES:
        return set(_many(wide_op, wide_value)) <= set(_many(op, value))
    if op[0] != wide_op[0] or op not in ORDER:
        return False
    closed_only = op.endswith("=") and not wide_op.endswith("=")
    if value == wide_value:
        return not closed_only
    within: bool = value < wide_value if op[0] == "<" else value > wide_value
    return within


def _many(op: str, value: Any) -> tuple[Any, ...]:
    return value if op == "not in" else (value,)


def _holds(op: str, candidate: Any, value: Any) -> bool:
    if op in ("in", "not in"):
        return (candidate in value) is (op == "in")
    compare: Callable[[Any, Any], bool] = EQUALITY.get(op) or ORDER[op]
    return compare(candidate, value)


def _constraint(leaf: Tree) -> tuple[str, str, Any] | None:
    """Field, operator and literal of a condition on a field with a single value."""
    negated = leaf.get("not") or {}
    if str(negated.get("op")) in _NEGATIONS:
        leaf = {**negated, "op": _NEGATIONS[negated["op"]]}
    op = str(leaf.get("op"))
    if op not in EQUALITY and op not in ORDER and op not in ("in", "not in"):
        return None
    left, right = leaf["left"], leaf["right"]
    if "field" not in left or left.get("list") or "value" not in right:
        return None
    if (op in ("in", "not in")) is not bool(right.get("list")):
        return None
    return left["field"], op, _value(right["value"], right["type"])


def _value(written: Any, type_: str) -> Any:
    if isinstance(written, list):
        return tuple(_value(each, type_) for each in written)
    if type_ in ("date", "datetime"):
        return parse_moment(written)[0]
    return parse_duration(written) if type_ == "duration" else written


def taken_by(entry: Entry, earlier: Iterable[Entry]) -> Entry | None:
    """The rule among `earlier` that takes all studies of `entry`."""
    return shadowed([*earlier, entry]).get(entry.key)
