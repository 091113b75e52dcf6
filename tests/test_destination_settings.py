"""Hours and verification of destinations, and the priority of rules: checked, said in words, told to nodes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from routing.models import Attempt, Delivery, Destination, Rule, RuleRevision
from tests.agent import Agent
from tests.factories import (
    attempt,
    delivery_report,
    make_found,
    make_modality,
    make_node,
    make_rule,
    study_report,
)

pytestmark = pytest.mark.django_db

URL = "/api/v1/destinations/"
HOURS = "mon-fri 22:00-06:00, sat 00:00-24:00"
MODALITY = {"name": "PACS", "kind": "modality", "aet": "PACS", "host": "192.0.2.1", "port": 104}
WEB = {"name": "web", "url": "https://192.0.2.1/"}


@pytest.mark.parametrize("hours", ["", HOURS, "08:00-12:00"])
def test_hours_are_kept_and_told_to_the_nodes(hours: str, alice_api: APIClient) -> None:
    said = alice_api.post(URL, {**MODALITY, "hours": hours}).json()
    assert said["hours"] == hours
    [told] = Agent().sync()["config"]["destinations"]
    assert told["hours"] == hours


@pytest.mark.parametrize("hours", ["night", "mon 25:00-26:00", "xyz 08:00-12:00", "08:00"])
def test_hours_that_cannot_be_read_are_refused(hours: str, alice_api: APIClient) -> None:
    answer = alice_api.post(URL, {**MODALITY, "hours": hours})
    assert answer.status_code == 400
    assert hours.split()[0] in answer.json()["hours"][0]


def test_hours_of_a_destination_of_orthanc_are_decided_here(alice_api: APIClient) -> None:
    node, _secret = make_node()
    found = make_found(node)
    answer = alice_api.patch(f"{URL}{found.pk}/", {"hours": HOURS, "verify": "commitment"})
    assert answer.status_code == 200
    assert AuditEvent.objects.get().changes["hours"] == ["", HOURS]


@pytest.mark.parametrize(
    ("kind", "verify", "status"),
    [
        *(("modality", each, 201) for each in ("none", "count", "instances", "commitment")),
        *(("peer", each, 201) for each in ("none", "count", "instances")),
        *(("dicomweb", each, 201) for each in ("none", "count", "instances")),
        ("peer", "commitment", 400),
        ("dicomweb", "commitment", 400),
    ],
)
def test_only_modalities_know_storage_commitment(
    kind: str, verify: str, status: int, alice_api: APIClient
) -> None:
    values: dict[str, Any] = MODALITY if kind == "modality" else {**WEB, "kind": kind}
    answer = alice_api.post(URL, {**values, "verify": verify})
    assert answer.status_code == status, answer.content
    assert status == 201 or list(answer.json()) == ["verify"]


def test_a_peer_of_orthanc_cannot_be_given_storage_commitment(alice_api: APIClient) -> None:
    node, _secret = make_node()
    found = make_found(node)
    Destination.objects.update(kind="peer", aet="", host="", port=None, url="http://192.0.2.1/")
    answer = alice_api.patch(f"{URL}{found.pk}/", {"verify": "commitment"})
    assert list(answer.json()) == ["verify"]


def test_pages_take_hours_and_say_them_in_words(alice_client: Client) -> None:
    values = {**MODALITY, "verify": "none", "max_in_flight": "2", "enabled": "on"}
    page = alice_client.post("/destinations/new/", {**values, "hours": "night"}).content.decode()
    assert "is not like" in page
    page = alice_client.post(
        "/destinations/new/", {**values, "hours": HOURS}, follow=True
    ).content.decode()
    assert "Monday to Friday from 22:00 to 06:00 the next day; Saturday all day" in page


def test_the_priority_of_a_rule_is_told_to_the_nodes_and_kept_in_its_revision(
    alice_api: APIClient,
) -> None:
    pacs = make_modality()
    body = {"name": "CT", "expression": "true", "destinations": [pacs.pk], "priority": "urgent"}
    said = alice_api.post("/api/v1/rules/", body).json()
    assert said["priority"] == "urgent"
    [told] = Agent().sync()["config"]["rules"]
    assert told["priority"] == "urgent"
    assert RuleRevision.objects.get().content["priority"] == "urgent"
    wrong = alice_api.patch(f"/api/v1/rules/{said['id']}/", {"priority": "now"})
    assert list(wrong.json()) == ["priority"]


def test_a_rule_is_of_normal_priority_unless_said_else() -> None:
    assert make_rule().priority == "normal"
    assert Rule().priority == "normal"


def test_an_attempt_tells_how_many_instances_its_job_was_to_send(charlie_client: Client) -> None:
    agent, pacs = Agent(), make_modality()
    ident = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
    tried = attempt(1, "succeeded", instance_count=500)
    report = delivery_report(ident, pacs, "waiting", instance_count=1200, attempt=tried)
    agent.sync(events=[study_report(), report])
    assert Attempt.objects.get().instance_count == 500
    page = charlie_client.get(f"/deliveries/{ident}/").content.decode()
    assert "500 images" in page


def test_what_was_found_out_after_the_last_attempt_is_explained(charlie_client: Client) -> None:
    agent, pacs = Agent(), make_modality()
    ident = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
    lost = "The destination accepted the images, but it has not 3 of 312."
    report = delivery_report(
        ident, pacs, "waiting", last_error=lost, attempt=attempt(1, "succeeded")
    )
    agent.sync(events=[study_report(), report])
    page = charlie_client.get(f"/deliveries/{ident}/").content.decode()
    assert lost in page
    assert "and yet does not have all" in page
    assert Delivery.objects.get().last_error == lost
