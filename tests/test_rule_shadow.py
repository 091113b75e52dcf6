"""Which rule is never asked, because an earlier one that stops takes all of its studies."""

from __future__ import annotations

import pytest

from routing.language import parse
from routing.shadow import Entry, implies, shadowed


def holds(narrow: str, wide: str) -> bool:
    first, second = parse(narrow), parse(wide)
    assert first.tree is not None and second.tree is not None, (first.errors, second.errors)
    return implies(first.tree, second.tree)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ('Modality == "CT"', "true"),
        ('Modality == "CT"', 'Modality == "CT"'),
        ('Modality == "CT"', 'Modality in ["CT", "MR"]'),
        ('Modality in ["CT", "MR"]', 'Modality in ["MR", "US", "CT"]'),
        ('Modality == "CT"', 'Modality != "MR"'),
        ('Modality == "CT" and SliceThickness < 2', 'Modality == "CT"'),
        ('Modality == "CT" and SliceThickness < 2', "SliceThickness < 3"),
        ("SliceThickness < 2", "SliceThickness <= 2"),
        ('StudyDate > d"2024-02-01"', 'StudyDate > d"2024-01-01"'),
        ('Modality == "CT"', 'Modality == "CT" or RemoteAET == "X"'),
        ('Modality == "CT" or Modality == "MR"', 'Modality in ["CT", "MR"]'),
        ('Modality == "CT" and RemoteAET == "A"', 'RemoteAET == "A" and Modality == "CT"'),
        ('not (Modality in ["CT", "MR"])', 'not (Modality == "CT")'),
    ],
)
def test_what_is_narrower_is_recognised(narrow: str, wide: str) -> None:
    assert holds(narrow, wide)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("true", 'Modality == "CT"'),
        ('Modality in ["CT", "MR"]', 'Modality == "CT"'),
        ("SliceThickness <= 2", "SliceThickness < 2"),
        ("SliceThickness < 3", "SliceThickness < 2"),
        ("SliceThickness < 2", "SliceThickness > 1"),
        ('Modality == "CT"', 'RemoteAET == "CT"'),
        ('Modality == "CT" or RemoteAET == "A"', 'Modality == "CT"'),
        ('Modality == "CT"', 'Modality == "CT" and RemoteAET == "A"'),
        ('StudyDescription =~~ "A"', 'StudyDescription =~~ "B"'),
        ('"CT" in ModalitiesInStudy', '"MR" in ModalitiesInStudy'),
    ],
)
def test_what_is_not_narrower_is_not_called_so(narrow: str, wide: str) -> None:
    assert not holds(narrow, wide)


def entry(key: int, text: str, *, stops: bool = False, nodes: tuple[int, ...] = ()) -> Entry:
    tree = parse(text).tree
    assert tree is not None
    return Entry(key, f"rule {key}", tree, frozenset(nodes), stops)


def test_only_an_earlier_rule_that_stops_shadows() -> None:
    rules = [entry(1, 'Modality == "CT"'), entry(2, "true", stops=True), entry(3, "true")]
    assert {key: by.key for key, by in shadowed(rules).items()} == {3: 2}


def test_a_rule_of_other_nodes_shadows_nothing() -> None:
    rules = [
        entry(1, "true", stops=True, nodes=(7,)),
        entry(2, "true"),
        entry(3, "true", nodes=(7,)),
    ]
    assert {key: by.key for key, by in shadowed(rules).items()} == {3: 1}
