"""Nodes in the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import ConfigRevision, Node
from routing.models import Destination, Rule, Study
from tests.agent import Agent
from tests.factories import make_found, make_modality, make_node, make_rule, make_study

pytestmark = pytest.mark.django_db

URL = "/api/v1/nodes/"


def test_it_has_the_fields_of_the_contract(charlie_api: APIClient) -> None:
    agent = Agent("main")
    warning = {"code": "c", "message": "m"}
    status = {"orthanc_version": "1.12.7", "plugin_version": "0.1.0", "warnings": [warning]}
    agent.sync(status=status, config_revision=7)
    [said] = charlie_api.get(URL).json()["results"]
    expected = {
        "id": agent.node.pk,
        "name": "main",
        "online": True,
        "orthanc_version": "1.12.7",
        "plugin_version": "0.1.0",
        "config_revision": 7,
        "warnings": [warning],
    }
    assert {name: said[name] for name in expected} == expected
    assert said["last_seen_at"]
    assert agent.token not in str(said)


def test_a_new_one_tells_its_token_once(alice_api: APIClient) -> None:
    answer = alice_api.post(URL, {"name": "main"})
    assert answer.status_code == 201
    token = answer.json()["token"]
    ident = answer.json()["id"]
    assert token.startswith("ocn_")
    assert "token" not in alice_api.get(f"{URL}{ident}/").json()
    again = alice_api.post(f"{URL}{ident}/new-token/").json()["token"]
    assert again != token
    verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["node.created", "node.token_replaced"]
    assert token not in str(AuditEvent.objects.values())


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, None])
def test_a_wrong_name_is_refused(alice_api: APIClient, name: str | None) -> None:
    assert list(alice_api.post(URL, {"name": name}).json()) == ["name"]


def test_a_name_that_is_taken_is_refused(alice_api: APIClient) -> None:
    make_node("main")
    assert alice_api.post(URL, {"name": "main"}).status_code == 400


def test_a_new_name_is_told_to_nodes(alice_api: APIClient) -> None:
    node, _secret = make_node("old")
    revision = ConfigRevision.current()
    assert alice_api.patch(f"{URL}{node.pk}/", {"name": "new"}).json()["name"] == "new"
    assert ConfigRevision.current() == revision + 1
    assert AuditEvent.objects.get().changes == {"name": ["old", "new"]}


def test_the_old_token_stops_at_once(alice_api: APIClient) -> None:
    agent = Agent()
    alice_api.post(f"{URL}{agent.node.pk}/new-token/")
    assert agent.post(agent.body()).status_code == 401
    agent.token = alice_api.post(f"{URL}{agent.node.pk}/new-token/").json()["token"]
    agent.sync()
    alice_api.post(f"{URL}{agent.node.pk}/revoke-token/")
    assert agent.post(agent.body()).status_code == 401


def test_deleting_one_takes_its_studies_and_found_destinations(alice_api: APIClient) -> None:
    node, _secret = make_node()
    make_study(node)
    make_found(node)
    everywhere = make_modality()
    make_rule(destinations=[everywhere])
    assert alice_api.delete(f"{URL}{node.pk}/").status_code == 204
    assert not Node.objects.exists() and not Study.objects.exists()
    assert list(Destination.objects.all()) == [everywhere]


def test_one_that_a_rule_is_limited_to_is_not_deleted(alice_api: APIClient) -> None:
    (node, _s), (other, _t) = make_node(), make_node()
    make_rule("only here", nodes=[node])
    make_rule("here and there", nodes=[node, other])
    make_modality("OURS", nodes=[node])
    said = alice_api.delete(f"{URL}{node.pk}/").json()["detail"]
    assert "“only here”" in said and "“OURS”" in said and "there" not in said
    assert Rule.objects.count() == 2
