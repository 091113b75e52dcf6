"""Short ways to write condition trees in tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from routing.conditions import Decision, StudyFacts, compile_condition, decide

NOW = dt.datetime(2025, 7, 28, 12, 30)

Tree = dict[str, Any]


def field(name: str, type_: str = "text", scope: str = "study", *, many: bool = False) -> Tree:
    return {"field": name, "type": type_, "scope": scope, **({"list": True} if many else {})}


def literal(value: Any, type_: str = "") -> Tree:
    item = value[0] if isinstance(value, list) else value
    inferred = {bool: "boolean", int: "number", float: "number"}.get(type(item), "text")
    return {
        "value": value,
        "type": type_ or inferred,
        **({"list": True} if isinstance(value, list) else {}),
    }


def compare(left: Tree, op: str, right: Any) -> Tree:
    return {"op": op, "left": left, "right": right if isinstance(right, dict) else literal(right)}


def decided(
    tree: Tree,
    study: dict[str, Any] | None = None,
    series: list[dict[str, Any]] | None = None,
    level: str = "study",
) -> Decision:
    """The decision of a tree at NOW."""
    facts = StudyFacts(study or {}, series or [])
    return decide(compile_condition(tree), facts, level=level, now=NOW)
