"""Checks a condition tree, which may come from anywhere, and compiles it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from routing.conditions import evaluation
from routing.conditions.evaluation import Evaluate, Expression
from routing.conditions.facts import DERIVED_FROM, SYMBOLS, Field
from routing.conditions.kinds import (
    ARITHMETIC,
    BOOLEAN,
    COMPARISONS,
    DATETIME,
    MATCHING,
    METHODS,
    NUMBER,
    TEXT,
    TYPES,
    ConditionError,
    Kind,
    arithmetic_kind,
    attributes,
    calculation,
    can_compare,
)
from routing.conditions.patterns import PatternError, compile_pattern
from routing.conditions.text import MAX_DEPTH, MAX_INTEGER, MAX_NODES, MAX_TEXT, to_text
from routing.conditions.values import parse_duration, parse_moment

MAX_CONDITIONS = 200
MAX_ITEM = 999
SCOPES = ("study", "series")
CLOCKS = ("now", "today")

_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)


class Leaf(NamedTuple):
    """One condition: its text, what it reads, and the function that evaluates it."""

    text: str
    fields: tuple[Field, ...]
    evaluate: Evaluate
    longest: int | None = None


class Group(NamedTuple):
    """Conditions of which ``all``, ``any`` or (a single one) ``not`` have to hold."""

    name: str
    parts: tuple[Leaf | Group, ...]
    evaluate: Evaluate


class Condition:
    """A checked condition, ready to be evaluated any number of times and in any thread.

    ``fields`` are the names that it reads, with those that a derived one such as
    ``PatientAgeYears`` is made from; ``tags`` are the DICOM keywords among them; ``reads_series``
    tells whether it reads anything that is of a series, so that each series is looked at.
    """

    __slots__ = ("fields", "reads_series", "root", "tags")

    def __init__(self, root: Leaf | Group) -> None:
        reads = _fields_of(root)
        names = {field.name for field in reads}
        for name in tuple(names):
            names.update(DERIVED_FROM.get(name, ()))
        self.root = root
        self.fields = frozenset(names)
        self.tags = self.fields.difference(SYMBOLS)
        self.reads_series = any(field.of_series for field in reads)


def compile_condition(tree: object) -> Condition:
    """Check a whole condition tree (see docs/rules.md) and make it ready to be evaluated.

    Raises ConditionError, and nothing else, for a tree that is not valid or too large; the message
    says where and why.
    """
    return Condition(_Compiler().condition(tree, "rule", 1))


def _fields_of(node: Leaf | Group) -> set[Field]:
    if isinstance(node, Leaf):
        return set(node.fields)
    return set().union(*(_fields_of(part) for part in node.parts))


class _Compiler:
    """Compiles one tree; counts what it meets, because a tree may come from anywhere."""

    def __init__(self) -> None:
        self._nodes = 0
        self._conditions = 0
        self._fields: list[Field] = []

    def condition(self, tree: object, where: str, depth: int) -> Leaf | Group:
        node = self._node(tree, where, depth)
        for name in ("all", "any"):
            if name in node:
                return self._group(name, node, where, depth)
        if "not" in node:
            _only(node, where, "not")
            part = self.condition(node["not"], f"{where}.not", depth + 1)
            return Group("not", (part,), evaluation.negation(part.evaluate))
        return self._leaf(node, where, depth)

    def _group(self, name: str, node: Mapping[str, Any], where: str, depth: int) -> Group:
        _only(node, where, name)
        trees = node[name]
        if not isinstance(trees, list) or not trees:
            raise ConditionError(f'{where}: "{name}" needs a list of at least one condition')
        parts = tuple(
            self.condition(part, f"{where}.{name}[{index}]", depth + 1)
            for index, part in enumerate(trees)
        )
        join = evaluation.conjunction if name == "all" else evaluation.disjunction
        return Group(name, parts, join([part.evaluate for part in parts]))

    def _leaf(self, node: Mapping[str, Any], where: str, depth: int) -> Leaf:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise ConditionError(f"{where}: more than {MAX_CONDITIONS} conditions")
        self._fields = []
        longest = None
        if node.get("op") in COMPARISONS:
            evaluate, longest = self._comparison(node, where, depth)
        else:
            value = self._expression(node, where, depth)
            if value.kind != BOOLEAN:
                raise ConditionError(f"{where}: a {value.kind} is no condition")
            evaluate = value.evaluate
        return Leaf(to_text(node), tuple(dict.fromkeys(self._fields)), evaluate, longest)

    def _comparison(
        self, node: Mapping[str, Any], where: str, depth: int
    ) -> tuple[Evaluate, int | None]:
        _only(node, where, "op", "left", "right")
        op = node["op"]
        left = self.expression(node["left"], f"{where}.left", depth + 1)
        right = self.expression(node["right"], f"{where}.right", depth + 1)
        if not can_compare(op, left.kind, right.kind):
            raise ConditionError(f"{where}: {left.kind} {op} {right.kind} has no meaning")
        if op not in MATCHING:
            return evaluation.compare(op, left, right), None
        if right.literal is None:
            raise ConditionError(f"{where}.right: a pattern has to be written out")
        try:
            pattern = compile_pattern(right.literal)
        except PatternError as error:
            raise ConditionError(f"{where}.right: the pattern {error}") from None
        method, wanted = MATCHING[op]
        find = getattr(pattern.regex, method)
        return evaluation.match(left.evaluate, find, wanted, pattern.longest), pattern.longest

    def expression(self, tree: object, where: str, depth: int) -> Expression:
        return self._expression(self._node(tree, where, depth), where, depth)

    def _expression(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        if "field" in node:
            return self._field(node, where)
        if "value" in node:
            return self._literal(node, where)
        if "clock" in node:
            return _clock(node, where)
        if node.get("op") in ARITHMETIC:
            return self._arithmetic(node, where, depth)
        if "neg" in node:
            return self._negative(node, where, depth)
        if "attr" in node:
            return self._attribute(node, where, depth)
        if "item" in node:
            return self._item(node, where, depth)
        raise ConditionError(f"{where}: no known kind of node")

    def _field(self, node: Mapping[str, Any], where: str) -> Expression:
        _only(node, where, "field", "type", "scope", "list")
        name, scope = node["field"], node.get("scope")
        if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
            raise ConditionError(f"{where}: a field is named by its DICOM keyword")
        if scope not in SCOPES:
            raise ConditionError(f"{where}: the scope of a field is study or series")
        field = Field.make(name, _kind(node, where), of_series=scope == "series")
        self._fields.append(field)
        return Expression(field.kind, evaluation.reader(field))

    def _literal(self, node: Mapping[str, Any], where: str) -> Expression:
        _only(node, where, "value", "type", "list")
        kind, raw = _kind(node, where), node["value"]
        if not kind.is_list:
            value = _constant(raw, kind.type, where)
            return Expression(kind, evaluation.constant(value), value)
        if not isinstance(raw, list) or not raw:
            raise ConditionError(f"{where}: a list needs at least one value")
        self._count(len(raw), where)
        values = tuple(_constant(item, kind.type, where) for item in raw)
        return Expression(kind, evaluation.constant(values), values)

    def _arithmetic(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        _only(node, where, "op", "left", "right")
        op = node["op"]
        left = self.expression(node["left"], f"{where}.left", depth + 1)
        right = self.expression(node["right"], f"{where}.right", depth + 1)
        kind = arithmetic_kind(op, left.kind, right.kind)
        if kind is None:
            raise ConditionError(f"{where}: {left.kind} {op} {right.kind} has no meaning")
        return Expression(kind, evaluation.calculate(calculation(op, left.kind), left, right))

    def _negative(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        _only(node, where, "neg")
        value = self.expression(node["neg"], f"{where}.neg", depth + 1)
        if value.kind != NUMBER:
            raise ConditionError(f"{where}: a {value.kind} cannot be negative")
        return Expression(NUMBER, evaluation.apply(Decimal.copy_negate, value.evaluate))

    def _attribute(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        name = node["attr"]
        if "arg" in node:
            return self._method(node, where, depth)
        _only(node, where, "attr", "of")
        value = self.expression(node["of"], f"{where}.of", depth + 1)
        known = attributes(value.kind)
        if not isinstance(name, str) or name not in known:
            raise ConditionError(f"{where}: a {value.kind} has no such attribute")
        kind, function = known[name]
        return Expression(kind, evaluation.apply(function, value.evaluate))

    def _method(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        _only(node, where, "attr", "of", "arg")
        name = node["attr"]
        value = self.expression(node["of"], f"{where}.of", depth + 1)
        argument = self.expression(node["arg"], f"{where}.arg", depth + 1)
        if (
            not isinstance(name, str)
            or name not in METHODS
            or (value.kind, argument.kind) != (TEXT,) * 2
        ):
            raise ConditionError(f"{where}: a {value.kind} has no such method")
        return Expression(BOOLEAN, evaluation.calculate(METHODS[name], value, argument))

    def _item(self, node: Mapping[str, Any], where: str, depth: int) -> Expression:
        _only(node, where, "item", "of")
        index = node["item"]
        value = self.expression(node["of"], f"{where}.of", depth + 1)
        if not value.kind.is_list:
            raise ConditionError(f"{where}: a {value.kind} has no items")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= MAX_ITEM:
            raise ConditionError(f"{where}: an item is numbered from 0 to {MAX_ITEM}")
        return Expression(Kind(value.kind.type), evaluation.pick(index, value.evaluate))

    def _node(self, tree: object, where: str, depth: int) -> Mapping[str, Any]:
        self._count(1, where)
        if depth > MAX_DEPTH:
            raise ConditionError(f"{where}: nested more than {MAX_DEPTH} deep")
        if not isinstance(tree, dict):
            raise ConditionError(f"{where}: not an object")
        return tree

    def _count(self, nodes: int, where: str) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise ConditionError(f"{where}: the tree has more than {MAX_NODES} parts")


def _only(node: Mapping[str, Any], where: str, *names: str) -> None:
    if set(node) - {"list"} != set(names) - {"list"} or ("list" in node and "list" not in names):
        raise ConditionError(f"{where}: needs {', '.join(names)} and nothing else")


def _kind(node: Mapping[str, Any], where: str) -> Kind:
    type_, is_list = node.get("type"), node.get("list", False)
    if type_ not in TYPES or not isinstance(is_list, bool):
        raise ConditionError(f"{where}: the type is one of {', '.join(TYPES)}")
    return Kind(type_, is_list)


def _clock(node: Mapping[str, Any], where: str) -> Expression:
    _only(node, where, "clock")
    if node["clock"] not in CLOCKS:
        raise ConditionError(f"{where}: the clock is now or today")
    return Expression(DATETIME, evaluation.now if node["clock"] == "now" else evaluation.today)


def _constant(raw: object, type_: str, where: str) -> Any:
    """The value of a literal, or of one item of a list of literals."""
    if type_ == "boolean" and isinstance(raw, bool):
        return raw
    if type_ == "number" and isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return _number(raw, where)
    if isinstance(raw, str) and type_ in _TEXTUAL:
        try:
            return _TEXTUAL[type_](raw)
        except ValueError as error:
            raise ConditionError(f"{where}: {error}") from None
    raise ConditionError(f"{where}: the value is no literal of type {type_}")


def _number(raw: int | float, where: str) -> Decimal:
    if isinstance(raw, int) and abs(raw) < MAX_INTEGER:
        return Decimal(raw)
    if isinstance(raw, float) and math.isfinite(raw):
        return Decimal(repr(raw))
    raise ConditionError(f"{where}: a number has at most 15 digits")


def _text(raw: str) -> str:
    # Neither can be stored as text by PostgreSQL, nor occur in a DICOM value.
    if len(raw) > MAX_TEXT or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in raw):
        raise ValueError("the text is too long or has characters that cannot be stored")
    return raw


def _date(raw: str) -> dt.datetime:
    moment, has_time = parse_moment(raw)
    if has_time:
        raise ValueError("a date has no time of day")
    return moment


_TEXTUAL: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "date": _date,
    "datetime": lambda raw: parse_moment(raw)[0],
    "duration": parse_duration,
}
