"""Text to tree to text is stable, and nothing that is typed raises."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.conditions import compile_condition, to_text
from routing.language import Parsed, parse, parse_tree

# What PostgreSQL can store as text: no surrogates, no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
numbers = st.one_of(
    st.integers(-(10**14), 10**14),
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-9999, max_value=9999
    ).map(float),
    st.sampled_from((1e20, 1e-7, 2.5e-100)),
)


def field(name: str, type_: str, scope: str, *, is_list: bool = False) -> dict[str, Any]:
    return {"field": name, "type": type_, "scope": scope, **({"list": True} if is_list else {})}


def literal(value: Any, type_: str) -> dict[str, Any]:
    return {"value": value, "type": type_, **({"list": True} if isinstance(value, list) else {})}


text_literals = texts.map(lambda value: literal(value, "text"))
number_literals = numbers.map(lambda value: literal(value, "number"))
date_literals = st.dates().map(lambda day: literal(day.isoformat(), "date"))
moment_literals = st.datetimes().map(lambda moment: literal(moment.isoformat(), "datetime"))
durations = st.sampled_from(("P1D", "P365D", "PT1H30M", "P2W", "P1,5D", "PT0.5S"))
duration_literals = durations.map(lambda text: literal(text, "duration"))

text_values = st.one_of(
    st.sampled_from((field("PatientName", "text", "study"), field("Modality", "text", "series"))),
    st.just({"attr": "as_lower", "of": field("Modality", "text", "series")}),
    st.just({"item": 2, "of": field("ImageType", "text", "series", is_list=True)}),
    text_literals,
)
number_values = st.recursive(
    st.one_of(
        st.just(field("SliceThickness", "number", "series")),
        st.just({"attr": "length", "of": field("Labels", "text", "study", is_list=True)}),
        number_literals,
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda op, left, right: {"op": op, "left": left, "right": right},
            st.sampled_from(("+", "-", "*", "/", "//", "%")),
            inner,
            inner,
        ),
        inner.filter(lambda tree: "value" not in tree).map(lambda tree: {"neg": tree}),
    ),
    max_leaves=5,
)
moment_values = st.one_of(
    st.sampled_from(
        (field("StudyDate", "date", "study"), field("ReceivedAt", "datetime", "study"))
    ),
    st.just({"clock": "now"}),
    st.builds(
        lambda clock, span: {"op": "-", "left": {"clock": clock}, "right": span},
        st.sampled_from(("now", "today")),
        duration_literals,
    ),
    date_literals,
    moment_literals,
)


def comparison(ops: tuple[str, ...], left: Any, right: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda op, first, second: {"op": op, "left": first, "right": second},
        st.sampled_from(ops),
        left,
        right,
    )


ORDERED = ("==", "!=", "<", "<=", ">", ">=")
MEMBER = ("in", "not in")
conditions = st.one_of(
    comparison(ORDERED, text_values, text_values),
    comparison(ORDERED, number_values, number_values),
    comparison(ORDERED, moment_values, moment_values),
    comparison(MEMBER, text_values, text_values),
    comparison(
        MEMBER,
        text_values,
        st.lists(texts, min_size=1, max_size=4).map(lambda v: literal(v, "text")),
    ),
    comparison(
        MEMBER,
        number_values,
        st.lists(numbers, min_size=1, max_size=4).map(lambda v: literal(v, "number")),
    ),
    comparison(MEMBER, text_values, st.just(field("Labels", "text", "study", is_list=True))),
    comparison(
        ("=~", "=~~", "!~", "!~~"),
        text_values,
        st.sampled_from(("^HEAD", r"\d+\s", 'a"b', "T[12]", r"\\", "é|頭")).map(
            lambda pattern: literal(pattern, "text")
        ),
    ),
    st.builds(
        lambda of, arg: {"attr": "starts_with", "of": of, "arg": arg}, text_values, text_literals
    ),
    st.booleans().map(lambda value: literal(value, "boolean")),
)
trees = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)
WORDS = (
    *("and", "or", "not", "in", "for", "if", "true", "null", "Modality", "StudyDate", "Labels"),
    *("Foo", "$now", "$sum", "(", ")", "[", "]", "{", "}", ",", ".", ":", "?", "??", "&.", "**"),
    *("==", "<", "=~~", "+", "-", "*", "/", "%", "&", "1", "0x1F", "1e9", "007", '"CT"', "'x'"),
    *('r"\\d"', 'b"x"', 'd"2024-01-31"', 'd"x"', 't"P1D"', 't"P"', "#", "\n", "\r\n", "\t", "é"),
)


@settings(max_examples=300, deadline=None)
@given(trees)
def test_a_tree_becomes_text_that_reads_as_the_same_rule(tree: dict[str, Any]) -> None:
    compile_condition(tree)
    first = parse_tree(tree)
    assert first.errors == []
    again = parse(first.text)
    assert (again.text, again.tree) == (first.text, first.tree)
    assert parse_tree(first.tree).tree == first.tree
    assert to_text(first.tree) == first.text


@settings(max_examples=300, deadline=None)
@given(trees)
def test_types_and_scopes_of_a_tree_come_from_the_dictionary(tree: dict[str, Any]) -> None:
    assert parse_tree(_without_types(tree)).text == parse_tree(tree).text


def _without_types(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_without_types(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    dropped = {"type", "scope", "list"} if "field" in tree else set[str]()
    return {key: _without_types(value) for key, value in tree.items() if key not in dropped}


def checked(parsed: Parsed, text: str) -> None:
    """Either a stable rule, or errors that lie in the text."""
    if parsed.errors:
        assert parsed.tree is None
        for problem in parsed.errors:
            assert problem.code != "internal"
            assert 0 <= problem.start <= problem.end <= len(text)
            assert problem.line == text[: problem.start].count("\n") + 1
            assert problem.message
    else:
        compile_condition(parsed.tree)
        assert parse(parsed.text).tree == parsed.tree
        assert parse(parsed.text).text == parsed.text
        assert parsed.sentence


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    checked(parse(text), text)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_no_row_of_words_raises(text: str) -> None:
    checked(parse(text), text)


KEYS = (
    *("all", "any", "not", "op", "left", "right", "field", "value", "type", "scope", "list"),
    *("attr", "of", "arg", "item", "neg", "clock"),
)
NAMES = ("==", "in", "+", "text", "number", "Modality", "study", "now", "length", "starts_with")
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS), st.one_of(inner, st.sampled_from(NAMES)), max_size=4
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None)
@given(json_values)
def test_no_tree_raises(tree: object) -> None:
    parsed = parse_tree(tree)
    checked(parsed, parsed.text)
