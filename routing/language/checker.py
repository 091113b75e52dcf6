"""From the nodes of the grammar to the closed condition tree: checks names, types and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from routing.conditions import MAX_CONDITIONS, MAX_DEPTH
from routing.conditions.compiler import MAX_ITEM
from routing.conditions.kinds import (
    BOOLEAN,
    DATETIME,
    MATCHING,
    METHODS,
    NUMBER,
    TEXT,
    Kind,
    arithmetic_kind,
    attributes,
    can_compare,
)
from routing.conditions.patterns import PatternError, compile_pattern
from routing.language import advice
from routing.language.advice import Value
from routing.language.grammar import Node
from routing.language.literals import list_of, literal, negative
from routing.language.problems import MAX_PROBLEMS, RuleProblem
from routing.language.symbols import CLOCKS, closest, find_symbol, unusable_keyword

_OPERATORS = {
    **{"EQ": "==", "NE": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="},
    **{"EQ_FZM": "=~", "EQ_FZS": "=~~", "NE_FZM": "!~", "NE_FZS": "!~~"},
    **{"ADD": "+", "SUB": "-", "MUL": "*", "TDIV": "/", "FDIV": "//", "MOD": "%"},
}
_COMPARISONS = {
    "ComparisonExpression",
    "ArithmeticComparisonExpression",
    "FuzzyComparisonExpression",
}
_CALCULATIONS = {"AddExpression", "SubtractExpression", "ArithmeticExpression"}
_CONDITIONS = {"LogicExpression", "ContainsExpression", *_COMPARISONS}


class Checker:
    """Checks one rule. Goes on after a problem, so that all conditions that have one are told."""

    def __init__(self) -> None:
        self.problems: list[RuleProblem] = []
        self.symbols: dict[str, None] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self._conditions = 0

    def condition(self, node: Node, depth: int = 1) -> dict[str, Any] | None:
        """The tree of a condition; None when it has a problem, which is then in ``problems``."""
        try:
            return self._condition(node, depth, None)
        except RuleProblem as problem:
            self.problems.append(problem)
            return None

    def _condition(
        self, node: Node, depth: int, previous: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        _check_depth(node, depth)
        if node.name == "LogicExpression":
            return self._group(node, depth)
        if _is_not(node):
            negated = node.parts[1]
            if negated.name == "ContainsExpression":
                return self._leaf(negated, depth, "not in", previous)
            part = self._condition(negated, depth + 1, None)
            return None if part is None else {"not": part}
        return self._leaf(node, depth, "in", previous)

    def _group(self, node: Node, depth: int) -> dict[str, Any] | None:
        name = "all" if node.parts[0] == "AND" else "any"
        parts: list[dict[str, Any]] = []
        failed = False
        for part in _chain(node):
            try:
                tree = self._condition(part, depth + 1, parts[-1] if parts else None)
            except RuleProblem as problem:
                self.problems.append(problem)
                if problem.code == "too_many" or len(self.problems) >= MAX_PROBLEMS:
                    return None
                tree = None
            failed = failed or tree is None
            if tree is not None:
                parts.append(tree)
        return None if failed else {name: parts}

    def _leaf(
        self, node: Node, depth: int, membership: str, previous: dict[str, Any] | None
    ) -> dict[str, Any]:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            message = f"a rule has at most {MAX_CONDITIONS} conditions"
            raise RuleProblem("too_many", message, node.start, node.end)
        if node.name == "ContainsExpression":
            container, member = node.parts
            tree = self._comparison(membership, member, container, depth)
        elif node.name in _COMPARISONS:
            op, left, right = node.parts
            tree = self._comparison(_OPERATORS[op], left, right, depth)
        else:
            value = self.value(node, depth)
            if value.kind != BOOLEAN:
                raise advice.bare_value(value, previous)
            tree = value.tree
        self.places[id(tree)] = (node.start, node.end)
        return tree

    def _comparison(self, op: str, left_node: Node, right_node: Node, depth: int) -> dict[str, Any]:
        left = self.value(left_node, depth + 1)
        right = self.value(_set_as_list(right_node, op), depth + 1)
        if not can_compare(op, left.kind, right.kind):
            raise advice.mismatch(op, left, right)
        if op in MATCHING:
            _check_pattern(right)
        return {"op": op, "left": left.tree, "right": right.tree}

    def value(self, node: Node, depth: int) -> Value:
        """The tree and kind of a value. Raises RuleProblem."""
        _check_depth(node, depth)
        found = literal(node)
        if found is not None:
            return found
        if node.name in advice.REFUSED:
            raise RuleProblem("not_supported", advice.REFUSED[node.name], node.start, node.end)
        if node.name in _CONDITIONS or _is_not(node):
            message = "a condition cannot be compared or calculated with"
            raise RuleProblem("type_mismatch", message, node.start, node.end)
        readers: dict[str, Callable[[Node, int], Value]] = {
            "SymbolExpression": self._symbol,
            "ArrayExpression": self._list,
            "UnaryExpression": self._negative,
            "GetAttributeExpression": self._attribute,
            "FunctionCallExpression": self._method,
            "GetItemExpression": self._item,
            **dict.fromkeys(_CALCULATIONS, self._calculation),
        }
        if node.name not in readers:
            message = "braces are for the values after in only: write a list, as in [1, 2]"
            raise RuleProblem("not_supported", message, node.start, node.end)
        return readers[node.name](node, depth)

    def _symbol(self, node: Node, depth: int) -> Value:
        name = node.parts[0]
        if node.options["scope"] is not None:
            return self._clock(node, name)
        symbol = find_symbol(name)
        if symbol is None:
            raise _unknown(node, name)
        self.symbols[name] = None
        tree = {"field": name, "type": symbol.kind.type, "scope": symbol.scope}
        if symbol.kind.is_list:
            tree["list"] = True
        return Value(tree, symbol.kind, node.start, node.end)

    def _clock(self, node: Node, name: str) -> Value:
        if f"${name}" not in CLOCKS:
            message = f"${name} is not supported: there are {' and '.join(CLOCKS)}"
            raise RuleProblem("unknown_symbol", message, node.start, node.end)
        self.symbols[f"${name}"] = None
        return Value({"clock": name}, DATETIME, node.start, node.end)

    def _list(self, node: Node, depth: int) -> Value:
        items = [self.value(item, depth + 1) for item in node.parts[0]]
        return list_of(items, node.start, node.end)

    def _negative(self, node: Node, depth: int) -> Value:
        value = self.value(node.parts[1], depth + 1)
        if value.kind != NUMBER:
            message = f"a {value.kind} cannot be negative"
            raise RuleProblem("type_mismatch", message, node.start, node.end)
        if value.literal is not None:
            return negative(value, node.start)
        return Value({"neg": value.tree}, NUMBER, node.start, node.end)

    def _calculation(self, node: Node, depth: int) -> Value:
        name, left_node, right_node = node.parts
        if name not in _OPERATORS:
            message = "powers are not supported"
            raise RuleProblem("not_supported", message, node.start, node.end)
        op = _OPERATORS[name]
        left, right = self.value(left_node, depth + 1), self.value(right_node, depth + 1)
        kind = arithmetic_kind(op, left.kind, right.kind)
        if kind is None:
            raise advice.calculation_mismatch(op, left, right)
        tree = {"op": op, "left": left.tree, "right": right.tree}
        return Value(tree, kind, node.start, node.end)

    def _attribute(self, node: Node, depth: int) -> Value:
        target, name = node.parts
        value = self.value(target, depth + 1)
        _check_plain(node)
        known = attributes(value.kind)
        if name in METHODS and value.kind == TEXT:
            message = f'{name} needs a text: {value.text}.{name}("...")'
            raise RuleProblem("attribute", message, node.start, node.end)
        if name not in known:
            raise _no_attribute(node, name, value)
        tree = {"attr": name, "of": value.tree}
        return Value(tree, known[name][0], node.start, node.end)

    def _method(self, node: Node, depth: int) -> Value:
        function, arguments = node.parts
        if not isinstance(function, Node) or function.name != "GetAttributeExpression":
            message = "functions are not supported"
            raise RuleProblem("not_supported", message, node.start, node.end)
        target, name = function.parts
        _check_plain(function)
        value = self.value(target, depth + 1)
        if name not in METHODS or value.kind != TEXT:
            raise _no_attribute(function, name, value)
        if len(arguments) != 1:
            message = f"{name} takes one text"
            raise RuleProblem("attribute", message, node.start, node.end)
        argument = self.value(arguments[0], depth + 1)
        if argument.kind != TEXT:
            message = f"{name} takes a text, not a {argument.kind}"
            raise RuleProblem("type_mismatch", message, argument.start, argument.end)
        tree = {"attr": name, "of": value.tree, "arg": argument.tree}
        return Value(tree, BOOLEAN, node.start, node.end)

    def _item(self, node: Node, depth: int) -> Value:
        container, index = (self.value(part, depth + 1) for part in node.parts)
        _check_plain(node)
        if not container.kind.is_list:
            message = f"{container.text} is a single {container.kind}, not a list"
            raise RuleProblem("type_mismatch", message, node.start, node.end)
        number = index.literal
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_ITEM:
            message = f"the items of a list are numbered from 0 to {MAX_ITEM}"
            raise RuleProblem("type_mismatch", message, index.start, index.end)
        tree = {"item": number, "of": container.tree}
        return Value(tree, Kind(container.kind.type), node.start, node.end)


def _chain(node: Node) -> list[Node]:
    """The parts of ``a and b and c``, which the grammar nests as deep as they are many."""
    pending, parts = [node], []
    while pending:
        each = pending.pop()
        if each.name == "LogicExpression" and each.parts[0] == node.parts[0]:
            pending += [each.parts[2], each.parts[1]]
        else:
            parts.append(each)
    return parts


def _is_not(node: Node) -> bool:
    return node.name == "UnaryExpression" and node.parts[0] == "NOT"


def _set_as_list(node: Node, op: str) -> Node:
    """After ``in``, ``{1, 2}`` means the same as ``[1, 2]``."""
    if op not in ("in", "not in") or node.name != "SetExpression":
        return node
    return Node("ArrayExpression", node.parts, node.options, node.start, node.end)


def _check_depth(node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        message = f"the rule is nested more than {MAX_DEPTH} deep"
        raise RuleProblem("too_deep", message, node.start, node.end)


def _check_plain(node: Node) -> None:
    if node.options.get("safe"):
        message = "&. and &[ are not supported: a condition that reads a missing tag is undecided"
        raise RuleProblem("not_supported", message, node.start, node.end)


def _check_pattern(pattern: Value) -> None:
    if pattern.literal is None:
        message = 'a pattern has to be written out, as in =~ "^HEAD"'
        raise RuleProblem("pattern", message, pattern.start, pattern.end)
    try:
        compile_pattern(pattern.literal)
    except PatternError as error:
        message = f"this pattern {error}"
        raise RuleProblem("pattern", message, pattern.start, pattern.end) from None


def _unknown(node: Node, name: str) -> RuleProblem:
    if unusable_keyword(name):
        message = f"{name} is a sequence or binary, which rules cannot read"
        return RuleProblem("not_supported", message, node.start, node.end)
    suggestion = closest(name)
    message = f"{name} is no DICOM keyword"
    if suggestion:
        message += f"; did you mean {suggestion}?"
    return RuleProblem("unknown_symbol", message, node.start, node.end, suggestion)


def _no_attribute(node: Node, name: str, value: Value) -> RuleProblem:
    known = [*attributes(value.kind), *(METHODS if value.kind == TEXT else ())]
    has = f"it has {', '.join(known)}" if known else "it has no attributes"
    message = f"a {value.kind} has no {name}: {has}"
    return RuleProblem("attribute", message, node.start, node.end)
