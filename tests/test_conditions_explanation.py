from __future__ import annotations

import json
from typing import Any

from tests.conditions_trees import Tree, compare, decided, field

IS_CT = compare(field("Modality", scope="series"), "==", "CT")
THIN = compare(field("SliceThickness", "number", "series"), "<", 2)
LONG_ECHO = compare(field("EchoTime", "number", "series"), ">", 3)
OLD = compare(field("StudyDate", "date"), "<", {"clock": "now"})


def explained(tree: Tree, study: Any = None, series: Any = None) -> dict[str, Any]:
    return decided(tree, study, series).explanation


def test_each_condition_shows_its_text_its_result_and_the_value_that_it_saw() -> None:
    tree = explained(THIN, series=[{"SliceThickness": "1.25"}])["tree"]
    assert tree == {
        "kind": "condition",
        "result": "match",
        "deciding": True,
        "text": "SliceThickness < 2",
        "seen": [{"field": "SliceThickness", "value": "1.25", "absent": False, "note": ""}],
    }


def test_a_missing_tag_is_shown_as_absent() -> None:
    (seen,) = explained(LONG_ECHO, series=[{}])["tree"]["seen"]
    assert seen == {"field": "EchoTime", "value": "absent", "absent": True, "note": ""}


def test_a_value_that_cannot_be_read_is_shown_with_the_reason() -> None:
    (seen,) = explained(OLD, {"StudyDate": "20240230"})["tree"]["seen"]
    assert seen == {
        "field": "StudyDate",
        "value": "20240230",
        "absent": True,
        "note": "not a date",
    }


def test_a_value_too_long_for_a_pattern_is_shown_with_the_reason() -> None:
    tree = compare(field("ImageComments", scope="series"), "=~~", "a.*b.*c")
    decision = decided(tree, {}, [{"ImageComments": "x" * 2000}])
    (seen,) = decision.explanation["tree"]["seen"]
    assert decision.result == "undecided"
    assert seen["note"] == "longer than 128 characters, too long for this pattern"


def test_it_names_the_series_that_decided() -> None:
    series = [
        {"Modality": "MR"},
        {"Modality": "CT", "SeriesInstanceUID": "1.2", "SeriesDescription": "AX"},
    ]
    explanation = explained(IS_CT, series=series)
    assert explanation["result"] == "match"
    assert explanation["series"] == {
        "index": 1,
        "SeriesInstanceUID": "1.2",
        "Modality": "CT",
        "SeriesDescription": "AX",
    }
    assert explained(OLD, {"StudyDate": "20240131"}, series)["series"] is None


def test_the_tree_has_the_shape_of_the_rule() -> None:
    tree = {"all": [IS_CT, {"not": {"any": [THIN, LONG_ECHO]}}]}
    root = explained(tree, series=[{"Modality": "CT", "SliceThickness": "5"}])["tree"]
    ct, negation = root["parts"]
    (group,) = negation["parts"]
    kinds = [node["kind"] for node in (root, ct, negation, group)]
    assert kinds == ["all", "condition", "not", "any"]
    assert [part["text"] for part in group["parts"]] == ["SliceThickness < 2", "EchoTime > 3"]


def deciding(node: dict[str, Any]) -> list[str]:
    if node["kind"] == "condition":
        return [node["text"]] if node["deciding"] else []
    return [text for part in node["parts"] for text in deciding(part)]


def test_the_conditions_that_decided_are_marked() -> None:
    series = [{"Modality": "CT", "SliceThickness": "5"}]
    every = {"all": [IS_CT, THIN, LONG_ECHO]}
    either = {"any": [IS_CT, THIN, LONG_ECHO]}
    assert deciding(explained(every, series=series)["tree"]) == ["SliceThickness < 2"]
    assert deciding(explained(either, series=series)["tree"]) == ['Modality == "CT"']
    neither = {"any": [THIN, LONG_ECHO]}
    assert deciding(explained(neither, series=series)["tree"]) == ["EchoTime > 3"]
    negated = {"not": {"any": [THIN, IS_CT]}}
    assert deciding(explained(negated, series=series)["tree"]) == ['Modality == "CT"']


def test_conditions_after_the_deciding_one_are_explained_too() -> None:
    root = explained({"all": [THIN, IS_CT]}, series=[{"Modality": "CT", "SliceThickness": "5"}])
    assert [part["result"] for part in root["tree"]["parts"]] == ["no_match", "match"]


def test_long_values_are_cut() -> None:
    (seen,) = explained(compare(field("PatientID"), "==", "1"), {"PatientID": "x" * 900})["tree"][
        "seen"
    ]
    assert len(seen["value"]) == 200


def test_lists_and_derived_values_are_shown_as_they_were_read() -> None:
    labels = compare(field("Labels", many=True), "==", ["a", "b"])
    age = compare(field("PatientAgeYears", "number"), ">", 17)
    root = explained({"all": [labels, age]}, {"Labels": ["a", "b"], "PatientAge": "018Y"})["tree"]
    assert [part["seen"][0]["value"] for part in root["parts"]] == ["a\\b", "18"]


def test_an_explanation_survives_json() -> None:
    explanation = explained({"all": [OLD, LONG_ECHO]}, {"StudyDate": "20240131"}, [{}])
    assert json.loads(json.dumps(explanation)) == explanation
