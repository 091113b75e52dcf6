"""Warnings: conditions that are valid but can hardly be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from routing.conditions import to_text
from routing.conditions.kinds import EQUALITY, ORDER
from routing.conditions.values import parse_duration, parse_moment
from routing.language.problems import RuleProblem
from routing.language.symbols import find_symbol

Places = dict[int, tuple[int, int]]
Tree = dict[str, Any]
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def warnings(tree: Tree, places: Places) -> Iterator[RuleProblem]:
    """What is odd about a checked rule; ``places`` tells where its conditions are."""
    if tree == {"value": False, "type": "boolean"}:
        yield RuleProblem("never", "this rule matches no study", *places[id(tree)])
    for name in ("all", "any"):
        if name in tree:
            yield from _group_warnings(name, tree[name], places)
            for part in tree[name]:
                yield from _constant_warnings(part, places)
                yield from warnings(part, places)
            return
    if "not" in tree:
        yield from warnings(tree["not"], places)
    elif "op" in tree:
        yield from _constant_warnings(tree, places)
        yield from _case_warnings(tree, places)


def _constant_warnings(leaf: Tree, places: Places) -> Iterator[RuleProblem]:
    is_constant = "value" in leaf or (
        "op" in leaf and all("value" in leaf[side] for side in ("left", "right"))
    )
    if is_constant and id(leaf) in places:
        message = f"{to_text(leaf)} reads nothing of the study, so it is always the same"
        yield RuleProblem("constant", message, *places[id(leaf)])


def _case_warnings(leaf: Tree, places: Places) -> Iterator[RuleProblem]:
    """Values of VR CS have no small letters (PS3.5 section 6.2)."""
    if leaf["op"] not in ("==", "!=", "in", "not in"):
        return
    sides = leaf["left"], leaf["right"]
    for field, literal in (sides, sides[::-1]):
        symbol = find_symbol(str(field.get("field")))
        if symbol is None or symbol.vr != "CS" or "value" not in literal:
            continue
        written = literal["value"] if literal.get("list") else [literal["value"]]
        small = [each for each in written if each != each.upper()]
        if small:
            capital = to_text({**literal, "value": small[0].upper(), "list": False})
            message = f"{symbol.name} is always in capital letters: write {capital}"
            yield RuleProblem("case", message, *places[id(leaf)], capital)


def _group_warnings(name: str, parts: list[Tree], places: Places) -> Iterator[RuleProblem]:
    by_field: dict[str, list[tuple[str, Any, Tree]]] = {}
    for part in parts:
        found = _constraint(part)
        if found is not None:
            by_field.setdefault(found[0], []).append((*found[1:], part))
    for field, constraints in by_field.items():
        last = places[id(constraints[-1][2])]
        if name == "all" and not _can_hold(constraints):
            symbol = find_symbol(field)
            of_series = symbol is not None and symbol.scope == "series"
            what = (
                "of one series can never hold together" if of_series else "can never hold together"
            )
            message = f"these conditions on the {field} {what}"
            yield RuleProblem("never", message, *last)
        unequal = {value for op, value, _ in constraints if op == "!="}
        if name == "any" and len(unequal) > 1:
            message = f"{field} always differs from one of these: write and, or not in"
            yield RuleProblem("always", message, *last)


def _constraint(part: Tree) -> tuple[str, str, Any] | None:
    """Field, operator and value of a condition that compares a single value with a literal."""
    op = str(part.get("op"))
    if op not in EQUALITY and op not in ORDER and op != "in":
        return None
    left, right = part["left"], part["right"]
    if "value" in left and "field" in right and op != "in":
        left, right, op = right, left, _MIRRORED.get(op, op)
    if "field" not in left or left.get("list") or "value" not in right:
        return None
    if op == "in" and not right.get("list"):
        return None
    return left["field"], op, _value(right["value"], right["type"])


def _value(written: Any, type_: str) -> Any:
    if isinstance(written, list):
        return tuple(_value(each, type_) for each in written)
    if type_ in ("date", "datetime"):
        return parse_moment(written)[0]
    return parse_duration(written) if type_ == "duration" else written


def _can_hold(constraints: list[tuple[str, Any, Tree]]) -> bool:
    """Whether one value can satisfy all of the constraints, as far as their bounds tell."""
    checks = [(op, value) for op, value, _ in constraints]
    # If any value does, one of those that are named does, or one between or beyond them.
    candidates = [each for op, value in checks if op == "in" for each in value]
    candidates += [value for op, value in checks if op == "=="]
    if candidates:
        return any(all(_holds(op, each, value) for op, value in checks) for each in candidates)
    lower = [(value, op) for op, value in checks if op in (">", ">=")]
    upper = [(value, op) for op, value in checks if op in ("<", "<=")]
    return all(
        low < high or (low == high and low_op == ">=" and high_op == "<=")
        for low, low_op in lower
        for high, high_op in upper
    )


def _holds(op: str, candidate: Any, value: Any) -> bool:
    if op == "in":
        return candidate in value
    compare: Callable[[Any, Any], bool] = EQUALITY.get(op) or ORDER[op]
    return compare(candidate, value)
