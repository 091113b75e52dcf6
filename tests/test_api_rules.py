"""Rules in the API: saved with revisions, kept in order, parsed and tried."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import ConfigRevision
from routing.models import Rule
from tests.factories import make_modality, make_node, make_rule, make_study

pytestmark = pytest.mark.django_db

URL = "/api/v1/rules/"


def body(**values: Any) -> dict[str, Any]:
    base = {"name": "CT", "expression": '"CT" in ModalitiesInStudy'}
    return {**base, "destinations": [make_modality().pk], **values}


def order() -> list[str]:
    return list(Rule.objects.values_list("name", flat=True))


def test_a_new_one_has_the_fields_of_the_contract(alice_api: APIClient) -> None:
    given = body()
    answer = alice_api.post(URL, given)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    expected = {
        **given,
        "position": 1,
        "enforcement": "active",
        "level": "study",
        "nodes": [],
        "late_arrivals": "delta",
        "stop_on_match": False,
        "revision": 1,
    }
    assert {name: said[name] for name in expected} == expected
    assert said["sentence"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"expression": ""}, "expression"),
        ({"expression": "PatienID == 1"}, "expression"),
        ({"expression": "Modality =="}, "expression"),
        ({"expression": "x" * 5000}, "expression"),
        ({"enforcement": "maybe"}, "enforcement"),
        ({"level": "image"}, "level"),
        ({"late_arrivals": "no"}, "late_arrivals"),
        ({"destinations": []}, "destinations"),
        ({"destinations": [999]}, "destinations"),
        ({"nodes": [999]}, "nodes"),
        ({"position": 0}, "position"),
        ({"expresion": "true"}, "expresion"),
    ],
)
def test_what_is_wrong_is_named(alice_api: APIClient, change: dict[str, Any], field: str) -> None:
    answer = alice_api.post(URL, body(**change))
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Rule.objects.exists()


def test_a_wrong_expression_says_where_and_suggests(alice_api: APIClient) -> None:
    [message] = alice_api.post(URL, body(expression="PatienID == '1'")).json()["expression"]
    assert "line 1, column 1" in message
    assert "PatientID" in message


def test_a_name_that_is_taken_is_refused(alice_api: APIClient) -> None:
    make_rule("CT")
    assert list(alice_api.post(URL, body()).json()) == ["name"]


def test_a_rule_that_only_stops_needs_no_destination(alice_api: APIClient) -> None:
    answer = alice_api.post(URL, body(destinations=[], stop_on_match=True))
    assert answer.status_code == 201


def test_every_change_makes_a_revision_and_an_audit_event(alice_api: APIClient) -> None:
    ident = alice_api.post(URL, body()).json()["id"]
    config = ConfigRevision.current()
    change = {"expression": '"MR" in ModalitiesInStudy', "reason": "MR moved"}
    said = alice_api.patch(f"{URL}{ident}/", change).json()
    assert said["revision"] == 2
    assert ConfigRevision.current() == config + 1
    revisions = alice_api.get(f"{URL}{ident}/revisions/").json()["results"]
    assert [each["number"] for each in revisions] == [2, 1]
    assert revisions[0]["reason"] == "MR moved" and revisions[0]["author"] == "alice"
    assert revisions[1]["content"]["expression"] == '"CT" in ModalitiesInStudy'
    event = AuditEvent.objects.get(verb="rule.changed")
    assert event.changes == {"expression": ['"CT" in ModalitiesInStudy', change["expression"]]}
    assert event.message == "MR moved"


def test_destinations_and_nodes_stay_when_a_change_leaves_them_out(alice_api: APIClient) -> None:
    node, _secret = make_node()
    given = body(nodes=[node.pk])
    ident = alice_api.post(URL, given).json()["id"]
    said = alice_api.patch(f"{URL}{ident}/", {"enforcement": "dry_run"}).json()
    assert (said["destinations"], said["nodes"]) == (given["destinations"], [node.pk])


def test_a_new_position_moves_it_without_a_revision(alice_api: APIClient) -> None:
    first, _second, _third = (make_rule(name) for name in ("a", "b", "c"))
    config = ConfigRevision.current()
    said = alice_api.patch(f"{URL}{first.pk}/", {"position": 3}).json()
    assert order() == ["b", "c", "a"]
    assert (said["position"], said["revision"]) == (3, 1)
    assert ConfigRevision.current() == config + 1
    alice_api.patch(f"{URL}{first.pk}/", {"position": 99})
    assert order() == ["b", "c", "a"]
    alice_api.patch(f"{URL}{first.pk}/", {"position": 2})
    assert order() == ["b", "a", "c"]
    moved = AuditEvent.objects.filter(verb="rule.moved").order_by("pk")
    assert [event.changes["position"] for event in moved] == [[1, 3], [3, 2]]


def test_a_new_rule_can_be_put_first(alice_api: APIClient) -> None:
    make_rule("old")
    assert alice_api.post(URL, body(position=1)).json()["position"] == 1
    assert order() == ["CT", "old"]


def test_the_others_close_up_when_one_is_deleted(alice_api: APIClient) -> None:
    first, _second = make_rule("a"), make_rule("b")
    assert alice_api.delete(f"{URL}{first.pk}/").status_code == 204
    assert list(Rule.objects.values_list("name", "position")) == [("b", 1)]
    assert AuditEvent.objects.get(verb="rule.deleted").object_name == "a"


@pytest.mark.parametrize(
    "text", ["true", '"CT" in ModalitiesInStudy and StudyDate > d"2000-01-01"']
)
def test_parse_gives_text_tree_and_sentence(charlie_api: APIClient, text: str) -> None:
    said = charlie_api.post(f"{URL}parse/", {"text": text}).json()
    assert said.keys() == {"text", "tree", "errors", "warnings", "sentence", "symbols"}
    assert said["errors"] == [] and said["sentence"]
    again = charlie_api.post(f"{URL}parse/", {"tree": said["tree"]}).json()
    assert again["text"] == said["text"]


def test_parse_says_what_is_wrong_and_where(charlie_api: APIClient) -> None:
    answer = charlie_api.post(f"{URL}parse/", {"text": "Modalty == 'CT'"})
    assert answer.status_code == 200
    problem = answer.json()["errors"][0]
    assert (problem["line"], problem["column"]) == (1, 1)
    assert answer.json()["tree"] is None


@pytest.mark.parametrize(
    "wrong", [{}, {"text": "true", "tree": {}}, {"txt": "true"}, {"text": ["true"]}]
)
def test_parse_needs_either_text_or_tree(charlie_api: APIClient, wrong: dict[str, Any]) -> None:
    assert charlie_api.post(f"{URL}parse/", wrong).status_code == 400


@pytest.mark.parametrize("tree", [5, [], {}, {"kind": "what"}, None, "x", [[[[]]]]])
def test_parse_takes_any_tree_without_failing(charlie_api: APIClient, tree: Any) -> None:
    answer = charlie_api.post(f"{URL}parse/", {"tree": tree})
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or answer.json()["errors"]


@pytest.mark.parametrize(
    ("tags", "result"),
    [
        ({"ModalitiesInStudy": ["CT", "SR"]}, "match"),
        ({"ModalitiesInStudy": ["MR"]}, "no_match"),
        ({}, "undecided"),
        ({"study": {"ModalitiesInStudy": ["CT"]}, "series": []}, "match"),
    ],
)
def test_a_condition_is_tried_on_tags(
    charlie_api: APIClient, tags: dict[str, Any], result: str
) -> None:
    given = {"expression": '"CT" in ModalitiesInStudy', "tags": tags}
    said = charlie_api.post(f"{URL}test/", given).json()
    assert said["result"] == result
    assert said["explanation"]["result"] == result


def test_a_condition_is_tried_on_a_known_study(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    facts = {"study": {"PatientID": "7"}, "series": [{"Modality": "CT"}, {"Modality": "MR"}]}
    study = make_study(node, facts=facts)
    given = {"expression": 'Modality == "MR"', "study": study.pk, "level": "series"}
    said = charlie_api.post(f"{URL}test/", given).json()
    assert (said["result"], said["matched_series"]) == ("match", [1])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expression": "Modalty == 1"}, "expression"),
        ({"tags": [1]}, "tags"),
        ({"tags": {"series": {}}}, "tags"),
        ({"study": 999}, "study"),
        ({"tags": None}, "tags"),
        ({"level": "x"}, "level"),
    ],
)
def test_a_wrong_try_is_refused(charlie_api: APIClient, change: dict[str, Any], field: str) -> None:
    answer = charlie_api.post(f"{URL}test/", {"expression": "true", "tags": {}, **change})
    assert answer.status_code == 400
    assert field in answer.json()


def test_a_list_costs_the_same_number_of_queries_however_long(
    charlie_api: APIClient, django_assert_num_queries: Any
) -> None:
    pacs = make_modality()
    make_rule(destinations=[pacs])
    charlie_api.get(URL)
    with django_assert_num_queries(5):
        charlie_api.get(URL)
    for _number in range(10):
        make_rule(destinations=[pacs])
    with django_assert_num_queries(5):
        results = charlie_api.get(URL).json()["results"]
    assert [each["position"] for each in results] == list(range(1, 12))
