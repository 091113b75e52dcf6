"""Regular expressions that are safe to run on values that nobody controls.

Python's ``re`` backtracks, so a pattern can take exponential time. Each pattern is measured before
it is accepted: an upper bound of the steps that it can take on a value of a given length. A
pattern that is too slow even on short values is refused; any other gets the length of value up to
which it is run.
"""

from __future__ import annotations

import functools
import importlib
import math
import re
from typing import Any, NamedTuple

MAX_PATTERN = 500
# Longest first. 64 characters is what a DICOM LO holds (PS3.5 section 6.2): series and study
# descriptions.
VALUE_LENGTHS = (1024, 512, 256, 128, 64)
MAX_STEPS = 12_000_000
# A repeated group keeps more books than a repeated character, and a lazy repeat more than a greedy
# one.
GROUP_STEPS = 6
MAX_FIXED = 5_000
MAX_CASELESS_RANGE = 1_000
ALLOWED_FLAGS = re.IGNORECASE | re.DOTALL | re.MULTILINE

# The names are private before Python 3.11 and public nowhere, hence by name.
_sre_parse: Any = importlib.import_module("re._parser")
_SIMPLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE", "CATEGORY"}
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT"}
_REFUSED = {
    "GROUPREF": "back-references such as \\1",
    "GROUPREF_EXISTS": "conditional groups such as (?(1)a|b)",
    "ASSERT": "look-ahead and look-behind such as (?=a)",
    "ASSERT_NOT": "look-ahead and look-behind such as (?!a)",
    "ATOMIC_GROUP": "atomic groups such as (?>a)",
    "POSSESSIVE_REPEAT": "possessive repeats such as a*+",
}


class PatternError(ValueError):
    """The pattern is not valid or may take too long; the message says what to change."""


class Pattern(NamedTuple):
    """A pattern that was found safe on values of at most ``longest`` characters."""

    regex: re.Pattern[str]
    longest: int


class _Cost(NamedTuple):
    """Upper bound of the ways in which a part can match.

    ``ways`` is a factor, ``open_ends`` the number of repeats without a small limit (each can end
    anywhere in the value), ``fixed`` the characters that one way compares at least.
    """

    ways: int
    open_ends: int
    fixed: int


_TOO_LONG = "may take too long: "
_ONCE = _Cost(1, 0, 0)


def compile_pattern(pattern: str) -> Pattern:
    """Check and compile a regular expression.

    Raises PatternError if it is not valid, uses what is not supported, or could take too long.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"is longer than {MAX_PATTERN} characters")
    return _compile(pattern)


@functools.lru_cache(maxsize=2048)
def _compile(pattern: str) -> Pattern:
    try:
        parsed = _sre_parse.parse(pattern)
        flags = parsed.state.flags & ~re.UNICODE.value
        if flags & ~ALLOWED_FLAGS.value:
            raise PatternError("uses a flag other than (?i), (?s) and (?m)")
        cost = _sequence(_without_tail(list(parsed)), flags)
        longest = _longest_value(cost)
        return Pattern(re.compile(pattern), longest)
    except (re.error, FutureWarning) as error:
        raise PatternError(f"is not a valid regular expression: {error}") from None
    except (RecursionError, OverflowError):
        raise PatternError("is nested too deeply or repeats too often") from None


def _longest_value(cost: _Cost) -> int:
    for length in VALUE_LENGTHS:
        # The ways in which the open ends, and the place where the search starts, share the value.
        places = math.comb(length + cost.open_ends + 1, cost.open_ends + 1)
        if cost.ways * places * (4 + min(cost.fixed, length)) <= MAX_STEPS:
            return length
    raise PatternError(_TOO_LONG + "use fewer of * + ? {m,n} and |")


def _without_tail(items: list[Any]) -> list[Any]:
    """Leave out ``.*`` at the end: it cannot fail, so nothing is ever tried again because of it."""
    while items and items[-1][0].name in _REPEATS and _is_any_number_of_one(items[-1][1]):
        items = items[:-1]
    return items


def _is_any_number_of_one(repeat: Any) -> bool:
    least, _, body = repeat
    return least == 0 and len(body) == 1 and body[0][0].name == "ANY"


def _sequence(items: list[Any], flags: int) -> _Cost:
    ways, open_ends, fixed = _ONCE
    for item in items:
        part = _item(item, flags)
        ways *= part.ways
        open_ends += part.open_ends
        fixed += part.fixed
        if ways > MAX_STEPS or fixed > MAX_FIXED:
            raise PatternError(_TOO_LONG + "use fewer of * + ? {m,n} and |")
    return _Cost(ways, open_ends, fixed)


def _item(item: Any, flags: int) -> _Cost:
    name, argument = item[0].name, item[1]
    if name in _SIMPLE:
        _check_ranges(name, argument, flags)
        return _Cost(1, 0, 1)
    if name == "AT":
        return _ONCE
    if name == "SUBPATTERN":
        _, added, removed, body = argument
        if (added | removed) & ~ALLOWED_FLAGS.value:
            raise PatternError("uses a flag other than i, s and m")
        return _sequence(list(body), (flags | added) & ~removed)
    if name == "BRANCH":
        parts = [_sequence(list(body), flags) for body in argument[1]]
        return _Cost(
            sum(part.ways for part in parts),
            max(part.open_ends for part in parts),
            max(part.fixed for part in parts),
        )
    if name in _REPEATS:
        least, most, body = argument
        plain = len(body) == 1 and body[0][0].name in _SIMPLE
        steps = (1 if plain else GROUP_STEPS) * (2 if name == "MIN_REPEAT" else 1)
        return _repeat(least, most, _sequence(list(body), flags), steps)
    raise PatternError(f"uses {_REFUSED.get(name, name.lower())}, which is not supported")


def _repeat(least: int, most: int, body: _Cost, steps: int) -> _Cost:
    most = min(most, VALUE_LENGTHS[0] + 1)
    fixed = least * body.fixed
    if body.ways == 1 and body.open_ends == 0:
        choices = most - least + 1
        if choices > VALUE_LENGTHS[-1]:
            return _Cost(steps, 1, fixed)
        return _Cost(choices * steps, 0, fixed + body.fixed)
    if most > VALUE_LENGTHS[-1]:
        raise PatternError(_TOO_LONG + "a repeated group has alternatives or repeats inside it")
    ways = sum(body.ways**count for count in range(least, most + 1))
    return _Cost(ways, body.open_ends * most, body.fixed * most)


def _check_ranges(name: str, argument: Any, flags: int) -> None:
    # Without regard to case, the standard library looks at every character of a range one by one.
    if name != "IN" or not flags & re.IGNORECASE.value:
        return
    spans = [part[1][1] - part[1][0] for part in argument if part[0].name == "RANGE"]
    if sum(spans) > MAX_CASELESS_RANGE:
        raise PatternError("has a range of too many characters to ignore their case")
