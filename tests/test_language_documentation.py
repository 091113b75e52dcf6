"""What docs/rules.md shows as rules are rules, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

from routing.conditions import SYMBOLS
from routing.conditions.kinds import _ATTRIBUTES, METHODS
from routing.language import parse
from routing.rule_tables import filled

PAGE = (Path(__file__).parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_examples_are_rules_without_warnings() -> None:
    examples = [
        each.replace(r"\|", "|")
        for each in re.findall(r"^\| `(.+?)` \|", section("Examples"), re.MULTILINE)
    ]
    assert len(examples) >= 20
    for example in [*examples, *re.findall(r"```\n(.+?)\n```", PAGE)]:
        parsed = parse(example)
        assert (parsed.errors, parsed.warnings) == ([], []), example


def test_all_names_and_attributes_are_described() -> None:
    names = section("Names beside DICOM keywords")
    assert [name for name in SYMBOLS if f"`{name}`" not in names] == []
    attributes = {name for each in _ATTRIBUTES.values() for name in each}
    calculating = section("Calculating")
    assert [name for name in attributes if f"`.{name}`" not in calculating] == []
    assert [name for name in METHODS if f".{name}(" not in section("Conditions")] == []


def test_the_tables_are_those_of_the_language() -> None:
    """`manage.py document_rules` makes them anew."""
    assert filled(PAGE) == PAGE


def test_every_operator_of_the_builder_is_written_as_a_rule() -> None:
    rows = re.findall(r"^\| .+ \| .+ \| `(.+)` \|$", section("Writing one"), re.MULTILINE)
    assert len(rows) > 20
    for text in rows:
        assert parse(text).errors == [], text
