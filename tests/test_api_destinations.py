"""Destinations in the API: what may be saved, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command, ConfigRevision
from routing.models import Delivery, Destination, Lane
from tests.agent import Agent
from tests.factories import (
    make_delivery,
    make_found,
    make_modality,
    make_node,
    make_rule,
    make_study,
)

pytestmark = pytest.mark.django_db

URL = "/api/v1/destinations/"
MODALITY = {
    "name": "PACS_B",
    "kind": "modality",
    "aet": "PACS_B",
    "host": "pacs.example",
    "port": 104,
}
PEER = {
    "name": "B",
    "kind": "peer",
    "url": "http://192.0.2.9:8042/",
    "username": "u",
    "password": "p",
}


def test_a_new_one_has_the_fields_of_the_contract(alice_api: APIClient) -> None:
    answer = alice_api.post(URL, MODALITY)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    expected = {
        **MODALITY,
        "enabled": True,
        "paused": False,
        "source": "console",
        "nodes": [],
        "url": "",
        "username": "",
        "verify": "none",
        "max_in_flight": 2,
        "health": "unknown",
        "last_error": "",
    }
    assert {name: said[name] for name in expected} == expected
    assert "password" not in said


@pytest.mark.parametrize("kind", ["peer", "dicomweb"])
def test_an_http_destination_needs_only_its_address(alice_api: APIClient, kind: str) -> None:
    assert alice_api.post(URL, {**PEER, "kind": kind}).status_code == 201


@pytest.mark.parametrize(
    ("base", "change", "field"),
    [
        (MODALITY, {"name": ""}, "name"),
        (MODALITY, {"name": "has space"}, "name"),
        (MODALITY, {"name": "späti"}, "name"),
        (MODALITY, {"name": "x" * 65}, "name"),
        (MODALITY, {"name": "PA\nCS"}, "name"),
        (MODALITY, {"kind": "fax"}, "kind"),
        (MODALITY, {"aet": ""}, "aet"),
        (MODALITY, {"aet": "SEVENTEEN_LETTERS"}, "aet"),
        (MODALITY, {"aet": "A\\B"}, "aet"),
        (MODALITY, {"host": ""}, "host"),
        (MODALITY, {"host": "http://pacs"}, "host"),
        (MODALITY, {"port": None}, "port"),
        (MODALITY, {"port": 0}, "port"),
        (MODALITY, {"port": 65536}, "port"),
        (MODALITY, {"port": "dicom"}, "port"),
        (MODALITY, {"url": "http://x/"}, "url"),
        (MODALITY, {"username": "u"}, "username"),
        (MODALITY, {"verify": "maybe"}, "verify"),
        (MODALITY, {"max_in_flight": 0}, "max_in_flight"),
        (MODALITY, {"max_in_flight": 17}, "max_in_flight"),
        (MODALITY, {"nodes": [999]}, "nodes"),
        (MODALITY, {"colour": "red"}, "colour"),
        (PEER, {"url": ""}, "url"),
        (PEER, {"url": "192.0.2.9"}, "url"),
        (PEER, {"url": "ftp://192.0.2.9/"}, "url"),
        (PEER, {"url": "http://"}, "url"),
        (PEER, {"url": "http://host:port/"}, "url"),
        (PEER, {"url": "http://host:99999/"}, "url"),
        (PEER, {"url": "http://[::1/"}, "url"),
        (PEER, {"url": "http://u:p@host/"}, "url"),
        (PEER, {"url": "http://host/?a=b"}, "url"),
        (PEER, {"url": "http://ho st/"}, "url"),
        (PEER, {"aet": "X"}, "aet"),
        (PEER, {"port": 104}, "port"),
    ],
)
def test_what_is_wrong_is_named(
    alice_api: APIClient, base: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    answer = alice_api.post(URL, {**base, **change})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Destination.objects.exists()


def test_two_of_one_kind_and_name_are_refused_where_a_node_would_have_both(
    alice_api: APIClient,
) -> None:
    (one, _s), (two, _t) = make_node("one"), make_node("two")
    assert alice_api.post(URL, {**MODALITY, "nodes": [one.pk]}).status_code == 201
    assert alice_api.post(URL, {**MODALITY, "nodes": [two.pk]}).status_code == 201
    assert alice_api.post(URL, {**MODALITY, "nodes": [one.pk]}).json().keys() == {"name"}
    assert alice_api.post(URL, MODALITY).status_code == 400
    assert alice_api.post(URL, {**PEER, "name": MODALITY["name"]}).status_code == 201


def test_a_name_that_orthanc_itself_has_is_refused(alice_api: APIClient) -> None:
    node, _secret = make_node("main")
    make_found(node, MODALITY["name"])
    answer = alice_api.post(URL, MODALITY)
    assert "main has such a destination" in answer.json()["name"][0]


def test_more_nodes_are_refused_where_the_name_is_taken(alice_api: APIClient) -> None:
    (one, _s), (two, _t) = make_node(), make_node()
    make_modality("PACS", nodes=[one])
    other = make_modality("PACS", nodes=[two])
    answer = alice_api.patch(f"{URL}{other.pk}/", {"nodes": []})
    assert answer.status_code == 400
    assert alice_api.patch(f"{URL}{other.pk}/", {"port": 105}).status_code == 200


def test_one_found_in_orthanc_can_be_changed_only_where_the_console_decides(
    alice_api: APIClient,
) -> None:
    node, _secret = make_node()
    found = make_found(node)
    url = f"{URL}{found.pk}/"
    fields = {"paused": True, "enabled": False, "verify": "count", "max_in_flight": 3}
    assert alice_api.patch(url, fields).status_code == 200
    assert alice_api.patch(url, {"host": "192.0.2.99"}).json().keys() == {"host"}
    assert alice_api.patch(url, {"max_in_flight": 99}).status_code == 400
    assert "Orthanc itself" in alice_api.delete(url).json()["detail"]


def test_a_change_keeps_the_password_and_is_audited_without_it(alice_api: APIClient) -> None:
    ident = alice_api.post(URL, PEER).json()["id"]
    revision = ConfigRevision.current()
    assert alice_api.patch(f"{URL}{ident}/", {"username": "other"}).status_code == 200
    assert Destination.objects.get().password == "p"
    assert ConfigRevision.current() == revision + 1
    alice_api.patch(f"{URL}{ident}/", {"password": "better"})
    created, renamed, secret = AuditEvent.objects.order_by("pk")
    assert created.verb == "destination.created"
    assert renamed.changes == {"username": ["u", "other"]}
    assert secret.changes == {"password": ["••••••", "••••••"]}
    assert "better" not in str(AuditEvent.objects.values())


def test_the_password_is_encrypted_in_the_database(alice_api: APIClient) -> None:
    alice_api.post(URL, {**PEER, "password": "pl41ntext"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM routing_destination")
        assert "pl41ntext" not in cursor.fetchone()[0]


def test_one_that_rules_use_is_not_deleted(alice_api: APIClient) -> None:
    pacs = make_modality()
    make_rule("CT to PACS", destinations=[pacs])
    answer = alice_api.delete(f"{URL}{pacs.pk}/")
    assert answer.status_code == 400
    assert "“CT to PACS”" in answer.json()["detail"]


def test_deleting_one_keeps_its_deliveries(alice_api: APIClient) -> None:
    node, _secret = make_node()
    pacs = make_modality("PACS")
    make_delivery(make_study(node), pacs)
    assert alice_api.delete(f"{URL}{pacs.pk}/").status_code == 204
    delivery = Delivery.objects.get()
    assert (delivery.destination, delivery.destination_name) == (None, "PACS")


def test_pause_and_resume_are_told_to_nodes_and_audited_once(bob_api: APIClient) -> None:
    pacs = make_modality()
    revision = ConfigRevision.current()
    said = bob_api.post(f"{URL}{pacs.pk}/pause/").json()
    assert (said["paused"], said["health"]) == (True, "paused")
    assert ConfigRevision.current() > revision
    bob_api.post(f"{URL}{pacs.pk}/pause/")
    assert bob_api.post(f"{URL}{pacs.pk}/resume/").json()["paused"] is False
    verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["destination.paused", "destination.resumed"]


def test_health_comes_from_the_lanes(charlie_api: APIClient) -> None:
    (one, _s), (two, _t) = make_node(), make_node()
    pacs = make_modality()
    Lane.objects.create(node=one, destination=pacs, last_success_at=timezone.now())
    url = f"{URL}{pacs.pk}/"
    assert charlie_api.get(url).json()["health"] == "ok"
    Lane.objects.create(node=two, destination=pacs, state="failing", last_error="refused")
    said = charlie_api.get(url).json()
    assert (said["health"], said["last_error"]) == ("failing", "refused")


def test_echo_without_a_node_says_so(bob_api: APIClient) -> None:
    said = bob_api.post(f"{URL}{make_modality().pk}/echo/").json()
    assert said["ok"] is False and said["milliseconds"] is None
    assert "online" in said["detail"]
    assert not Command.objects.exists()


def test_echo_gives_what_the_node_found(
    bob_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent("main")
    agent.sync()
    pacs = make_modality()

    def node_answers(seconds: float) -> bool:
        [command] = agent.sync()["commands"]
        assert command["kind"] == "echo" and command["data"] == {"destination": pacs.pk}
        result = {"command": command["id"], "ok": True, "detail": "Success"}
        agent.sync(results=[{**result, "data": {"milliseconds": 12}}])
        return False

    monkeypatch.setattr("orthanc_console.stopping.pause", node_answers)
    said = bob_api.post(f"{URL}{pacs.pk}/echo/").json()
    assert said == {"ok": True, "milliseconds": 12, "detail": "Success", "node": "main"}


def test_a_list_costs_the_same_number_of_queries_however_long(
    charlie_api: APIClient, django_assert_num_queries: Any
) -> None:
    node, _secret = make_node()
    for number in range(2):
        pacs = make_modality(nodes=[node])
        Lane.objects.create(node=node, destination=pacs, waiting=number)
    charlie_api.get(URL)
    with django_assert_num_queries(5):
        assert len(charlie_api.get(URL).json()["results"]) == 2
    for _number in range(10):
        make_modality(nodes=[node])
    with django_assert_num_queries(5):
        assert len(charlie_api.get(URL).json()["results"]) == 12


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=peer", ["PEER"]),
        ("source=orthanc", ["FOUND"]),
        ("paused=true", ["PAUSED"]),
        ("search=pau", ["PAUSED"]),
        ("kind=peer,modality", ["FOUND", "PAUSED", "PEER"]),
    ],
)
def test_filters(charlie_api: APIClient, query: str, names: list[str]) -> None:
    node, _secret = make_node()
    make_modality("PAUSED", paused=True)
    make_found(node, "FOUND")
    Destination.objects.create(name="PEER", kind="peer", url="http://192.0.2.3/")
    results = charlie_api.get(f"{URL}?{query}").json()["results"]
    assert [each["name"] for each in results] == names
