"""The grammar of the rule-engine library, read into nodes that know where they are.

The library builds its own tree in two steps: it reads the text into deferred nodes, then builds
those and, doing so, evaluates whatever is constant (``9 ** 9 ** 9``). Only the first step is used
here. Types, limits and meaning are this package's own, so nothing that a user writes is ever
executed by the library.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rule_engine import errors
from rule_engine.parser import Parser, _DeferredAstNode

from routing.language.problems import RuleProblem

MAX_TOKENS = 1_600

_HINTS = {
    "=": ("to compare, write ==", "=="),
    "!": ("to negate, write not", "not"),
    "AND": ("write and in small letters", "and"),
    "OR": ("write or in small letters", "or"),
    "NOT": ("write not in small letters", "not"),
    "IN": ("write in in small letters", "in"),
    "&": ("to require both, write and", "and"),
    "|": ("to allow either, write or", "or"),
    "contains": ('write it the other way round: "CT" in ModalitiesInStudy', ""),
    "like": ('to search in a text, write: StudyDescription =~~ "HEAD"', ""),
    "“": ('write straight quotation marks: "CT"', '"'),
    "”": ('write straight quotation marks: "CT"', '"'),
    "„": ('write straight quotation marks: "CT"', '"'),
    "\N{LEFT SINGLE QUOTATION MARK}": ('write straight quotation marks: "CT"', '"'),
    "\N{RIGHT SINGLE QUOTATION MARK}": ('write straight quotation marks: "CT"', '"'),
    "#": ("a comment can only be at the end of the rule, on its last line", ""),
    "\N{NO-BREAK SPACE}": ("this is a no-break space: type a plain one", " "),
    "@": ("write the keyword alone, without @", ""),
    '"': ("the text has no closing quotation mark on its line", ""),
    "'": ("the text has no closing quotation mark on its line", ""),
}


class Node(NamedTuple):
    """A part of a rule as the grammar sees it: the library's name for it, its parts, its place."""

    name: str
    parts: tuple[Any, ...]
    options: dict[str, Any]
    start: int
    end: int


class Syntax(NamedTuple):
    """The root of a rule, and the comment that may follow it."""

    root: Node
    comment: str


class _Tokens:
    """The tokens of a text; the parser takes them one by one."""

    def __init__(self, tokens: list[Any]) -> None:
        self._tokens: Iterator[Any] = iter(tokens)

    def token(self) -> Any:
        return next(self._tokens, None)


class _LocatingParser(Parser):  # type: ignore[misc]
    """Reads texts into nodes; not thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        # The library's hook for subclasses is its grammar as a whole; all that is needed here is
        # where each of its productions found its parts, which the table of productions can tell.
        for production in self._parser.productions:
            if production.callable is not None:
                production.callable = _located(production.callable)

    def read(self, text: str) -> Node:
        tokens = self._scan(text)
        try:
            root = self._parser.parse(lexer=_Tokens(tokens), tracking=True)
        except errors.RuleSyntaxError as error:
            raise _syntax_problem(text, error.token) from None
        if not isinstance(root, Node):
            raise _syntax_problem(text, None)
        return root

    def _scan(self, text: str) -> list[Any]:
        lexer = self._lexer
        lexer.input(text)
        lexer.lineno = 1
        tokens: list[Any] = []
        try:
            while (token := lexer.token()) is not None:
                token.endlexpos = lexer.lexpos
                tokens.append(token)
                if len(tokens) > MAX_TOKENS:
                    message = f"the rule is too long: it has more than {MAX_TOKENS} words and signs"
                    raise RuleProblem("too_long", message, token.lexpos, len(text))
        except errors.RuleSyntaxError as error:
            # Of a reserved word the library does not say where it is: it was read last.
            at = text.rfind(" ", 0, lexer.lexpos) + 1 if error.token is None else lexer.lexpos
            raise _illegal(text, at, lexer.lexpos) from None
        return tokens


def read_rule(text: str) -> Syntax:
    """Read the text of a rule by the grammar alone.

    Raises RuleProblem, with the place, when the text is not of the grammar or too long.
    """
    with _lock:
        statement = _parser().read(text)
    comment = statement.options.get("comment")
    return Syntax(statement.parts[0], comment.value if comment else "")


_lock = threading.Lock()


@functools.cache
def _parser() -> _LocatingParser:
    # Building the tables takes a third of a second, which processes that parse no rule are spared.
    return _LocatingParser()


def _located(action: Callable[[Any], None]) -> Callable[[Any], None]:
    """Let a production of the grammar leave a node that has its place in the text."""

    def run(production: Any) -> None:
        start, end = production.lexspan(0)
        try:
            action(production)
        except errors.SyntaxError as error:
            message = "this literal is not valid: look at its backslashes and digits"
            raise RuleProblem("literal", message, start, end) from error
        production[0] = _as_node(production[0], start, end)

    return run


def _as_node(found: Any, start: int, end: int) -> Any:
    if not isinstance(found, _DeferredAstNode):
        return found
    _, *parts = found.args
    nodes = tuple(_as_node(part, start, end) for part in parts)
    return Node(found.cls.__name__, nodes, found.kwargs, start, end)


def _illegal(text: str, start: int, end: int) -> RuleProblem:
    end = max(end, start + 1)
    written = text[start:end]
    hint, suggestion = _HINTS.get(written, ("", ""))
    return RuleProblem(
        "syntax", hint or f"{written} has no meaning in a rule", start, end, suggestion
    )


def _syntax_problem(text: str, token: Any) -> RuleProblem:
    if token is None:
        return RuleProblem("syntax", "the rule is not complete", len(text), len(text))
    start, end = token.lexpos, token.endlexpos
    written = text[start:end]
    if written in ("&", "|") and text[start - 1 : start] == written:
        start -= 1
    hint, suggestion = _HINTS.get("#" if token.type == "COMMENT" else written, ("", ""))
    return RuleProblem("syntax", hint or f"{written} is not expected here", start, end, suggestion)
