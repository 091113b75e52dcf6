"""What the language answers: the checked rule, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MAX_PROBLEMS = 10


@dataclass(frozen=True)
class Problem:
    """Something wrong in the text of a rule, and where: characters ``start`` to ``end``.

    ``line`` and ``column`` count from 1; ``suggestion`` is what to write instead, or empty.
    """

    code: str
    message: str
    start: int = 0
    end: int = 0
    line: int = 1
    column: int = 1
    suggestion: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Parsed:
    """A rule as the console understood it.

    ``text`` is the rule in its one stored form, or what was typed when there are errors; then
    ``tree`` is None. ``sentence`` says in English what the rule selects. ``symbols`` are the names
    that it uses. Results are shared between callers: treat the tree as read-only.
    """

    text: str
    tree: dict[str, Any] | None = None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    sentence: str = ""
    symbols: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "tree": self.tree,
            "errors": [problem.as_dict() for problem in self.errors],
            "warnings": [problem.as_dict() for problem in self.warnings],
            "sentence": self.sentence,
            "symbols": self.symbols,
        }


class RuleProblem(Exception):
    """One problem, raised where it is found; the parser adds line and column."""

    def __init__(self, code: str, message: str, start: int, end: int, suggestion: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start = start
        self.end = end
        self.suggestion = suggestion

    def located(self, text: str) -> Problem:
        """The problem with its line and column in the text."""
        start = min(self.start, len(text))
        before = text[:start]
        return Problem(
            code=self.code,
            message=self.message,
            start=start,
            end=min(max(self.end, start), len(text)),
            line=before.count("\n") + 1,
            column=start - (before.rfind("\n") + 1) + 1,
            suggestion=self.suggestion,
        )
