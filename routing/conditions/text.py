"""From a condition tree to the text of the rule language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from routing.conditions.kinds import ARITHMETIC, COMPARISONS, ConditionError

MAX_DEPTH = 20
MAX_NODES = 4_000
MAX_TEXT = 4_000
# An IEEE 754 double, which is what JSON's numbers become, keeps 15 digits (DBL_DIG).
MAX_INTEGER = 10**15

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_TEMPORAL = re.compile(r"[0-9A-Z:., -]{1,64}", re.ASCII)
# What an escape sequence of a text literal stands for; other characters that do not print go by
# number.
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_text(tree: object) -> str:
    """The text of a condition or of a part of one, in the one form that the console stores.

    Types and scopes may be missing: the text does not need them. Raises ConditionError for a tree
    that is no tree of conditions.
    """
    return _Writer().condition(tree, 1)


class _Writer:
    """Writes one tree; counts nodes, because a tree may come from anywhere."""

    def __init__(self) -> None:
        self._nodes = 0
        self._characters = 0

    def condition(self, tree: object, depth: int) -> str:
        node = self._node(tree, depth)
        if "all" in node or "any" in node:
            return self._group(node, depth)
        if "not" in node:
            return f"not ({self.condition(node['not'], depth + 1)})"
        if node.get("op") in COMPARISONS:
            left, right = (self._operand(node.get(side), depth + 1) for side in ("left", "right"))
            return f"{left} {node['op']} {right}"
        return self._expression(node, depth)

    def _group(self, node: Mapping[str, Any], depth: int) -> str:
        name, word = ("all", " and ") if "all" in node else ("any", " or ")
        parts = node[name]
        if not isinstance(parts, (list, tuple)) or not parts:
            raise ConditionError(f'"{name}" needs a list of at least one condition')
        texts = []
        for part in parts:
            text = self.condition(part, depth + 1)
            nested = isinstance(part, Mapping) and ("any" in part or "all" in part)
            texts.append(f"({text})" if nested and len(parts) > 1 else text)
        return word.join(texts)

    def _operand(self, tree: object, depth: int) -> str:
        """A side of a comparison: only what binds less tightly needs parentheses."""
        node = self._node(tree, depth)
        if node.get("op") in COMPARISONS or not {"all", "any", "not"}.isdisjoint(node):
            raise ConditionError("a condition cannot be compared")
        return self._expression(node, depth)

    def _expression(self, node: Mapping[str, Any], depth: int) -> str:
        if "field" in node:
            return _name(node["field"])
        if "value" in node:
            return self._literal(node)
        if "clock" in node:
            return f"${_name(node['clock'])}"
        if node.get("op") in ARITHMETIC:
            left, right = (self._part(node.get(side), depth + 1) for side in ("left", "right"))
            return f"{left} {node['op']} {right}"
        if "neg" in node:
            return f"-{self._part(node['neg'], depth + 1)}"
        if "attr" in node:
            argument = f"({self._operand(node['arg'], depth + 1)})" if "arg" in node else ""
            return f"{self._part(node.get('of'), depth + 1)}.{_name(node['attr'])}{argument}"
        if "item" in node and _is_integer(node["item"]):
            return f"{self._part(node.get('of'), depth + 1)}[{node['item']}]"
        raise ConditionError(f"unknown kind of node with {', '.join(sorted(map(str, node))[:5])}")

    def _part(self, tree: object, depth: int) -> str:
        """A part of a calculation, in parentheses unless it is one piece."""
        text = self._operand(tree, depth)
        is_piece = isinstance(tree, Mapping) and not {"field", "clock", "attr", "item"}.isdisjoint(
            tree
        )
        is_literal = isinstance(tree, Mapping) and "value" in tree and text[0] != "-"
        return text if is_piece or is_literal else f"({text})"

    def _literal(self, node: Mapping[str, Any]) -> str:
        value, type_ = node["value"], node.get("type")
        if not isinstance(value, (list, tuple)):
            return self._scalar(value, type_)
        return f"[{', '.join(self._scalar(item, type_) for item in value)}]"

    def _scalar(self, value: object, type_: object) -> str:
        self._nodes += 1
        self._check_size()
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) or _is_integer(value):
            return repr(value)
        if not isinstance(value, str):
            raise ConditionError("a value is neither text, boolean nor a number of 15 digits")
        self._characters += len(value)
        self._check_size()
        if type_ not in ("date", "datetime", "duration"):
            return quote(value)
        if not _TEMPORAL.fullmatch(value):
            raise ConditionError(f"a {type_} is not written as ISO 8601")
        return f't"{value}"' if type_ == "duration" else f'd"{value}"'

    def _node(self, tree: object, depth: int) -> Mapping[str, Any]:
        self._nodes += 1
        self._check_size()
        if depth > MAX_DEPTH:
            raise ConditionError(f"nested more than {MAX_DEPTH} deep")
        if not isinstance(tree, Mapping):
            raise ConditionError("a part of the tree is missing or is no object")
        return tree

    def _check_size(self) -> None:
        if self._nodes > MAX_NODES or self._characters > MAX_TEXT:
            raise ConditionError(
                f"the tree has more than {MAX_NODES} parts or texts of {MAX_TEXT} characters"
            )


def _name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConditionError("a name is no DICOM keyword")
    return name


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_INTEGER


def quote(text: str) -> str:
    """A text literal; raw where that spares the backslashes of a regular expression."""
    if "\\" in text and text.isprintable() and '"' not in text and not text.endswith("\\"):
        return f'r"{text}"'
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
