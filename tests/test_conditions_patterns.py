from __future__ import annotations

import re
import time

import pytest

from routing.conditions.patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        *("^HEAD", "T[12]", "AX$", ".*HEAD.*T1.*AX.*", r"\bT1\b", "(?i)head|brain", "(?i:é)"),
        *("HEAD.*T1.*AX.*FS", "(CT|MR|US).*(HEAD|BRAIN).*T[12]", r"^\d{8}$", r"1\.2(\.\d+){0,2}$"),
        *("[A-Z]{2,5}_[0-9]+", "a??b", "(?P<name>x)+", "(?s).*x", ""),
    ],
)
def test_what_administrators_write_is_accepted_for_dicom_descriptions(pattern: str) -> None:
    assert compile_pattern(pattern).longest >= 64


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a+)+$", "too long"),
        ("(a*)*b", "too long"),
        ("(a|aa)+$", "too long"),
        ("(a|b|ab)*c", "too long"),
        ("(.*)*", "too long"),
        (r"^(\d+\.)+\d+$", "too long"),
        ("(?:a?){20}a{20}", "too long"),
        ("a?" * 25 + "a" * 25, "too long"),
        (".*.*.*.*.*x", "too long"),
        ("(?:a{1,30}){1,30}b", "too long"),
        ("(x+x+)+y", "too long"),
        ("(?:" * 30 + "a" + "+)" * 30, "too long"),
        (r"(a)\1", "back-references"),
        ("(?P<a>x)(?P=a)", "back-references"),
        ("(a)?(?(1)b|c)", "conditional"),
        ("(?=a)b", "look-ahead"),
        ("(?<!a)b", "look-behind"),
        ("(?>a+)b", "atomic"),
        ("a*+b", "possessive"),
        ("(?x)a b", "flag"),
        ("(?a)é", "flag"),
        ("(", "not a valid"),
        ("[z-a]", "not a valid"),
        ("a{99999999999}", "not a valid|repeats too often"),
        ("x" * 501, "longer than 500"),
        ("(?i)[\u0000-\U0010ffff]", "too many characters"),
        ("(?:a{500}){500}", "too long"),
    ],
)
def test_a_pattern_that_could_take_too_long_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("a.*b.*c", "a*a*b", ".*?.*?x", "((((a))))*b", "(a*)(a*)(a*)b", "a+?(a?){3}b"),
        *(
            "(?:.*?){2}x",
            "(?:aa?){5}b",
            "(?:a|aa){9}b",
            "(?:ab){200}c",
            "[^x]*[^y]*z",
            "(.{1,20})x",
        ),
    ],
)
def test_the_slowest_patterns_that_are_accepted_are_fast_on_the_worst_values(pattern: str) -> None:
    regex, longest = compile_pattern(pattern)
    for value in (
        "a" * longest,
        "ab" * (longest // 2),
        "aab" * (longest // 3),
        "a" * 40 + "b" * 24,
    ):
        started = time.thread_time()
        regex.search(value)
        regex.match(value)
        # They take milliseconds. A pattern that goes through all ways to match takes minutes.
        assert time.thread_time() - started < 2


def test_an_accepted_pattern_is_the_pattern_as_written() -> None:
    assert compile_pattern("(?i)h[eé]ad.*$").regex == re.compile("(?i)h[eé]ad.*$")
