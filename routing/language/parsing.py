"""Parses the rules that users write."""

from __future__ import annotations

import functools
import logging
import traceback
from typing import Any

from routing.conditions import (
    MAX_TEXT,
    Condition,
    ConditionError,
    compile_condition,
    to_text,
)
from routing.language.checker import Checker
from routing.language.lint import warnings
from routing.language.literals import UNSTORABLE
from routing.language.problems import Parsed, RuleProblem
from routing.language.sentence import sentence
from routing.language.symbols import STUDY, about

logger = logging.getLogger(__name__)


def parse(text: str, subject: str = STUDY) -> Parsed:
    """Check the text of a rule, or with `subject` REQUEST that of a condition on a C-MOVE.

    Never raises for what a user writes: problems are in ``errors``, each with its place, and then
    ``tree`` is None. Results are kept and shared: treat them as read-only.
    """
    if len(text) > MAX_TEXT:
        message = f"a rule has at most {MAX_TEXT} characters, this one has {len(text)}"
        return _failed(text, [RuleProblem("too_long", message, MAX_TEXT, len(text))])
    parsed = _parse(text, subject)
    if any(problem.code == "unknown_symbol" for problem in parsed.errors):
        # The site may have given the name to a private tag since.
        return _parse.__wrapped__(text, subject)
    return parsed


def parse_tree(tree: object) -> Parsed:
    """Check a condition tree: it becomes text, and that is parsed.

    Types and scopes in the tree do not matter, those of the dictionary count. Never raises.
    """
    try:
        text = to_text(tree)
    except ConditionError as error:
        return _failed("", [RuleProblem("tree", f"the rule cannot be read: {error}", 0, 0)])
    return parse(text)


@functools.lru_cache(maxsize=1024)
def _parse(text: str, subject: str) -> Parsed:
    try:
        with about(subject):
            return _checked(text)
    except RuleProblem as problem:
        return _failed(text, [problem])
    except Exception as error:
        # The message of the exception could hold what the user wrote; where it happened is enough.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Could not parse a rule: %s\n%s", type(error).__name__, frames)
        message = "the console failed on this rule, which was not saved; its log says where"
        return _failed(text, [RuleProblem("internal", message, 0, len(text))])


def _checked(text: str) -> Parsed:
    # Imported late: it takes a third of a second, which processes that parse no rule are spared.
    from routing.language.grammar import read_rule

    unstorable = UNSTORABLE.search(text)
    if unstorable:
        message = "the rule has a character that no DICOM value can have"
        raise RuleProblem("syntax", message, unstorable.start(), unstorable.end())
    if not text.strip():
        message = "the rule is empty; to match every study, write true"
        raise RuleProblem("empty", message, 0, len(text), "true")
    # Browsers send lines that end with two characters, of which the grammar knows one.
    syntax = read_rule(text.replace("\r", " "))
    checker = Checker()
    tree = checker.condition(syntax.root)
    symbols = list(checker.symbols)
    if tree is None:
        return _failed(text, checker.problems, symbols)
    condition = _compiled(tree, text)
    written = to_text(tree) + (f"  # {syntax.comment}" if syntax.comment else "")
    if len(written) > MAX_TEXT:
        message = f"in its stored form, the rule has more than {MAX_TEXT} characters"
        raise RuleProblem("too_long", message, 0, len(text))
    return Parsed(
        text=written,
        tree=tree,
        warnings=[problem.located(text) for problem in warnings(tree, checker.places)],
        sentence=sentence(tree, reads_series=condition.reads_series),
        symbols=symbols,
    )


def _compiled(tree: dict[str, Any], text: str) -> Condition:
    """What a node will be sent is compiled here too, so that no node can refuse it."""
    try:
        return compile_condition(tree)
    except ConditionError as error:
        raise RuleProblem("tree", str(error), 0, len(text)) from error


def _failed(text: str, problems: list[RuleProblem], symbols: list[str] | None = None) -> Parsed:
    errors = [problem.located(text) for problem in problems]
    return Parsed(text=text, errors=errors, symbols=symbols or [])
