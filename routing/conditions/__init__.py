"""Evaluates and explains the conditions of rules, in the console and inside Orthanc alike.

A condition arrives as a closed tree of JSON (docs/rules.md), is checked and compiled once, and is
decided for any number of studies: it matches, does not match, or is undecided because something
that it reads is absent. Standard library only.
"""

from routing.conditions.compiler import (
    MAX_CONDITIONS,
    Condition,
    compile_condition,
)
from routing.conditions.decision import MATCH, NO_MATCH, UNDECIDED, Decision, decide
from routing.conditions.facts import SYMBOLS, StudyFacts
from routing.conditions.kinds import ConditionError
from routing.conditions.text import MAX_DEPTH, MAX_TEXT, to_text

__all__ = [
    "MATCH",
    "MAX_CONDITIONS",
    "MAX_DEPTH",
    "MAX_TEXT",
    "NO_MATCH",
    "SYMBOLS",
    "UNDECIDED",
    "Condition",
    "ConditionError",
    "Decision",
    "StudyFacts",
    "compile_condition",
    "decide",
    "to_text",
]
