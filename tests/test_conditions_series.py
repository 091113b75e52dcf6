from __future__ import annotations

import pytest

from routing.conditions import StudyFacts, compile_condition, decide
from tests.conditions_trees import NOW, compare, decided, field

CT = {"Modality": "CT", "SeriesInstanceUID": "1.2.1", "SliceThickness": "1"}
MR = {"Modality": "MR", "SeriesInstanceUID": "1.2.2"}
IS_CT = compare(field("Modality", scope="series"), "==", "CT")
IS_MR = compare(field("Modality", scope="series"), "==", "MR")
THIN = compare(field("SliceThickness", "number", "series"), "<", 2)
OF_1 = compare(field("PatientID"), "==", "1")


def test_a_study_matches_when_one_of_its_series_does() -> None:
    decision = decided(IS_CT, series=[MR, CT, CT])
    assert (decision.result, decision.matched_series) == ("match", (1, 2))


def test_conditions_have_to_hold_for_the_same_series() -> None:
    assert decided({"all": [IS_CT, IS_MR]}, series=[CT, MR]).result == "no_match"
    assert decided({"all": [IS_CT, THIN]}, series=[CT, MR]).result == "match"


def test_a_study_is_undecided_when_no_series_matches_and_one_is_undecided() -> None:
    assert decided(THIN, series=[MR, {**CT, "SliceThickness": "5"}]).result == "undecided"
    assert decided(THIN, series=[MR, CT]).result == "match"
    assert decided(THIN, series=[{"SliceThickness": "5"}]).result == "no_match"


def test_a_condition_on_the_study_alone_chooses_all_series() -> None:
    assert decided(OF_1, {"PatientID": "1"}, [CT, MR]).matched_series == (0, 1)
    assert decided(OF_1, {"PatientID": "2"}, [CT, MR]).matched_series == ()


def test_at_series_level_each_series_is_decided() -> None:
    study = {"PatientID": "1"}
    decision = decided({"any": [IS_MR, THIN]}, study, [CT, MR], level="series")
    assert (decision.result, decision.matched_series) == ("match", (0, 1))
    decision = decided({"all": [OF_1, IS_MR]}, study, [CT, MR], level="series")
    assert (decision.result, decision.matched_series) == ("match", (1,))
    assert decided(OF_1, study, [CT, MR], level="series").matched_series == (0, 1)


def test_a_series_is_overlaid_on_the_study() -> None:
    tree = compare(field("InstitutionName", scope="series"), "==", "B")
    decision = decided(tree, {"InstitutionName": "B"}, [{"InstitutionName": "A"}, MR])
    assert decision.matched_series == (1,)


def test_a_study_without_series_is_looked_at_as_one_series() -> None:
    assert decided(IS_CT, {"Modality": "CT"}).result == "match"
    assert decided(IS_CT, {}, level="series").result == "undecided"


def test_an_attribute_of_the_study_that_only_a_series_carries_is_found() -> None:
    tree = compare(field("PatientWeight", "number"), ">", 50)
    assert decided(tree, {}, [CT, {**MR, "PatientWeight": "80"}]).result == "match"


def test_a_level_that_does_not_exist_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="study or series"):
        decide(compile_condition(OF_1), StudyFacts({}, []), level="instance", now=NOW)


def test_it_tells_what_it_reads() -> None:
    age = compare(field("PatientAgeYears", "number"), ">=", 18)
    sender = compare(field("RemoteAET"), "==", "CT1")
    condition = compile_condition({"all": [age, sender]})
    derived = {"PatientAge", "PatientBirthDate", "StudyDate"}
    assert condition.fields == {"PatientAgeYears", "RemoteAET"} | derived
    assert condition.tags == derived
    assert not condition.reads_series
    assert compile_condition({"not": IS_CT}).reads_series
