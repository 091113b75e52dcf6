from __future__ import annotations

import itertools

import pytest

from tests.conditions_trees import Tree, compare, decided, field, literal

MATCH, NO_MATCH, UNDECIDED = "match", "no_match", "undecided"
# A condition of each result, for a study that has an accession number and nothing else.
CONDITION = {
    MATCH: compare(field("AccessionNumber"), "==", "A1"),
    NO_MATCH: compare(field("AccessionNumber"), "!=", "A1"),
    UNDECIDED: compare(field("StudyID"), "==", "1"),
}
STUDY = {"AccessionNumber": "A1"}
ALL = list(itertools.product(CONDITION, repeat=2))


def result(tree: Tree) -> str:
    return decided(tree, STUDY).result


@pytest.mark.parametrize(("first", "second"), ALL)
def test_all_is_decided_against_as_soon_as_one_is(first: str, second: str) -> None:
    expected = MATCH
    if UNDECIDED in (first, second):
        expected = UNDECIDED
    if NO_MATCH in (first, second):
        expected = NO_MATCH
    assert result({"all": [CONDITION[first], CONDITION[second]]}) == expected


@pytest.mark.parametrize(("first", "second"), ALL)
def test_any_is_decided_for_as_soon_as_one_is(first: str, second: str) -> None:
    expected = NO_MATCH
    if UNDECIDED in (first, second):
        expected = UNDECIDED
    if MATCH in (first, second):
        expected = MATCH
    assert result({"any": [CONDITION[first], CONDITION[second]]}) == expected


def test_the_contrary_of_undecided_is_undecided() -> None:
    assert result({"not": CONDITION[MATCH]}) == NO_MATCH
    assert result({"not": CONDITION[NO_MATCH]}) == MATCH
    assert result({"not": CONDITION[UNDECIDED]}) == UNDECIDED


def test_true_matches_a_study_of_which_nothing_is_known() -> None:
    assert decided(literal(True)).result == MATCH
    assert decided(literal(False)).result == NO_MATCH


@pytest.mark.parametrize("empty", ["", " ", None, []])
def test_an_empty_value_is_absent(empty: object) -> None:
    tree = compare(field("StudyID"), "!=", "1")
    assert decided(tree, {"StudyID": empty}).result == UNDECIDED
    assert decided(tree, {}).result == UNDECIDED


def test_a_missing_tag_decides_only_the_conditions_that_read_it() -> None:
    thin = compare(field("SliceThickness", "number", "series"), "<", 2)
    ct = compare(field("Modality", scope="series"), "==", "CT")
    assert decided({"any": [thin, ct]}, series=[{"Modality": "CT"}]).result == MATCH
    assert decided({"all": [thin, ct]}, series=[{"Modality": "MR"}]).result == NO_MATCH
    assert decided({"all": [thin, ct]}, series=[{"Modality": "CT"}]).result == UNDECIDED
