"""A rule has one stored form, and reads the same however it was typed."""

from __future__ import annotations

import pytest

from routing.language import parse, parse_tree


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ('("CT" in ModalitiesInStudy)', '"CT" in ModalitiesInStudy'),
        ("true  and\n\n( true and false )", "true and true and false"),
        ("true and (true or false)", "true and (true or false)"),
        ("(true and true) or false", "(true and true) or false"),
        ("true and true or false", "(true and true) or false"),
        ("not true", "not (true)"),
        ("not Modality in ['CT']", 'Modality not in ["CT"]'),
        ("Modality in {'CT', 'MR',}", 'Modality in ["CT", "MR"]'),
        (r"StudyID =~ '\d+'", r'StudyID =~ r"\d+"'),
        (r"StudyID =~ r'\d+'", r'StudyID =~ r"\d+"'),
        (r'StudyID == "a\\b"', r'StudyID == r"a\b"'),
        (r'StudyID == "\u00e9\x41\n"', 'StudyID == "éA\\n"'),
        ("StudyID == 's\"'", 'StudyID == "s\\""'),
        ("0x10 < InstanceCount", "16 < InstanceCount"),
        ("InstanceCount < 1.50", "InstanceCount < 1.5"),
        ("InstanceCount < 2.0", "InstanceCount < 2"),
        ("InstanceCount < -(-3)", "InstanceCount < 3"),
        ("InstanceCount - -3 > 1", "InstanceCount - (-3) > 1"),
        ("InstanceCount - 1 - 1 > 1", "(InstanceCount - 1) - 1 > 1"),
        ("InstanceCount - (1 - 1) > 1", "InstanceCount - (1 - 1) > 1"),
        ("InstanceCount + 1 * 2 > 1", "InstanceCount + (1 * 2) > 1"),
        ('StudyDate == d"20240131"', 'StudyDate == d"2024-01-31"'),
        ('ReceivedAt > d"2024-01-31 18:30"', 'ReceivedAt > d"2024-01-31T18:30:00"'),
        ("($now - StudyDate).days > 3", "($now - StudyDate).days > 3"),
        ("true # a comment  ", "true  # a comment"),
        ("\r\ntrue\r\n", "true"),
    ],
)
def test_it_has_one_stored_form(typed: str, stored: str) -> None:
    parsed = parse(typed)
    assert parsed.errors == []
    assert parsed.text == stored
    assert parse(stored).text == stored
    assert parse(stored).tree == parsed.tree


def test_the_tree_is_what_nodes_evaluate() -> None:
    parsed = parse('"CT" in ModalitiesInStudy and SliceThickness < 2')
    modalities = {"field": "ModalitiesInStudy", "type": "text", "scope": "study", "list": True}
    thickness = {"field": "SliceThickness", "type": "number", "scope": "series"}
    assert parsed.tree == {
        "all": [
            {"op": "in", "left": {"value": "CT", "type": "text"}, "right": modalities},
            {"op": "<", "left": thickness, "right": {"value": 2, "type": "number"}},
        ]
    }
    assert parsed.symbols == ["ModalitiesInStudy", "SliceThickness"]


def test_a_tree_without_types_is_enough() -> None:
    tree = {"op": "==", "left": {"field": "Modality"}, "right": {"value": "CT"}}
    assert parse_tree(tree) == parse('Modality == "CT"')


def test_a_rule_in_the_language_of_the_router_script_is_understood() -> None:
    parsed = parse("'MR' in ModalitiesInStudy and PatientID =~ '^TEST' and not Manufacturer == 'X'")
    assert parsed.errors == []


def test_groups_of_a_tree_that_are_one_within_the_other_become_one() -> None:
    condition = {"op": "==", "left": {"field": "Modality"}, "right": {"value": "CT"}}
    tree = {"all": [{"all": [condition, condition]}, {"any": [condition]}]}
    assert parse_tree(tree).text == " and ".join(['Modality == "CT"'] * 3)


def test_the_same_text_is_parsed_once() -> None:
    assert parse('Modality == "OT"') is parse('Modality == "OT"')
