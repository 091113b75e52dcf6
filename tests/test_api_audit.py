"""The audit trail in the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from orthanc_console.accounts import services as accounts
from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from tests.factories import make_modality, make_rule

pytestmark = pytest.mark.django_db

URL = "/api/v1/audit-events/"


def verbs(client: APIClient, query: str = "") -> list[str]:
    return [each["verb"] for each in client.get(f"{URL}?{query}").json()["results"]]


def test_an_event_has_the_fields_of_the_contract(alice_api: APIClient) -> None:
    pacs = make_modality("PACS")
    answer = alice_api.post(f"/api/v1/destinations/{pacs.pk}/pause/")
    [said] = alice_api.get(URL).json()["results"]
    assert said.keys() == {
        *("id", "at", "actor", "verb", "object", "message", "changes", "request_id"),
    }
    assert said["actor"] == "alice"
    assert said["verb"] == "destination.paused"
    assert said["object"] == {"type": "destination", "id": str(pacs.pk), "name": "PACS"}
    assert said["request_id"] == answer["X-Request-Id"]


def test_it_cannot_be_changed(alice_api: APIClient, alice: User) -> None:
    event = log.record(alice, "rule.changed")
    for method in ("post", "put", "patch", "delete"):
        assert getattr(alice_api, method)(f"{URL}{event.pk}/").status_code == 405


def test_it_filters(alice_api: APIClient, alice: User, bob: User) -> None:
    rule = make_rule()
    log.record(alice, "rule.created", rule)
    log.record(bob, "destination.paused", make_modality())
    log.record(None, "destination.found", actor_name="main")
    assert verbs(alice_api, "verb=rule.") == ["rule.created"]
    assert verbs(alice_api, "actor=bob") == ["destination.paused"]
    assert verbs(alice_api, "actor=main") == ["destination.found"]
    assert verbs(alice_api, f"object_type=rule&object_id={rule.pk}") == ["rule.created"]
    assert verbs(alice_api, "before=2020-01-01") == []
    assert len(verbs(alice_api, "after=2020-01-01")) == 3


def test_what_concerns_accounts_is_for_administrators_and_for_those_who_did_it(
    alice_api: APIClient, bob_api: APIClient, charlie_api: APIClient, alice: User, bob: User
) -> None:
    accounts.issue_token(bob, bob, "mine")
    log.record(alice, "rule.changed")
    assert sorted(verbs(alice_api)) == ["rule.changed", "token.issued"]
    assert sorted(verbs(bob_api)) == ["rule.changed", "token.issued"]
    assert verbs(charlie_api) == ["rule.changed"]


def test_names_stay_when_user_and_object_are_gone(alice_api: APIClient, bob: User) -> None:
    rule = make_rule("CT")
    log.record(bob, "rule.changed", rule)
    rule.delete()
    bob.delete()
    [said] = alice_api.get(URL).json()["results"]
    assert (said["actor"], said["object"]["name"]) == ("bob", "CT")


def test_a_list_costs_the_same_number_of_queries_however_long(
    alice_api: APIClient, alice: User, django_assert_num_queries: Any
) -> None:
    alice_api.get(URL)
    for _number in range(10):
        log.record(alice, "rule.changed")
    with django_assert_num_queries(3):
        assert len(verbs(alice_api)) == 10
