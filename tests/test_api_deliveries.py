"""Deliveries in the API: told in full, filtered, retried and cancelled."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.fields import encrypt
from orthanc_console.nodes.models import Command
from routing.models import Attempt, Delivery, DeliveryRule
from tests.factories import (
    make_delivery,
    make_modality,
    make_node,
    make_rule,
    make_study,
    minutes_ago,
)

pytestmark = pytest.mark.django_db

URL = "/api/v1/deliveries/"
CONTRACT = (
    *("id", "study", "node", "destination", "rules", "state", "attempts", "instance_count"),
    *("delivered_count", "next_attempt_at", "last_error", "created_at", "delivered_at"),
    "verified_at",
)


def deliver(**values: Any) -> Delivery:
    node, _secret = make_node(online=values.pop("online", True))
    return make_delivery(make_study(node), make_modality(), **values)


def states(client: APIClient, query: str) -> list[str]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.content
    return sorted(each["state"] for each in answer.json()["results"])


def test_it_has_the_fields_of_the_contract(charlie_api: APIClient) -> None:
    delivery = deliver(state="delivered", attempts=2, instance_count=3, delivered_count=3)
    rule = make_rule("CT")
    DeliveryRule.objects.create(delivery=delivery, rule=rule, rule_name="CT", revision=4)
    [said] = charlie_api.get(URL).json()["results"]
    assert set(CONTRACT) <= said.keys()
    assert said["rules"] == [{"id": rule.pk, "name": "CT", "revision": 4}]
    assert (said["id"], said["attempts"]) == (str(delivery.pk), 2)


def test_one_alone_has_its_attempts_and_plain_words(charlie_api: APIClient) -> None:
    delivery = deliver(state="failed", reason="permanent", last_error="Connection refused")
    Attempt.objects.create(
        delivery=delivery, number=1, started_at=minutes_ago(1), outcome="failed", error_code=9
    )
    said = charlie_api.get(f"{URL}{delivery.pk}/").json()
    assert said["attempt_list"][0]["outcome"] == "failed"
    assert "Nothing listens" in said["explanation"]["error_means"]
    assert said["explanation"]["reason"]


def test_an_unknown_one_is_not_found(charlie_api: APIClient) -> None:
    assert charlie_api.get(f"{URL}{uuid.uuid4()}/").status_code == 404
    assert charlie_api.get(f"{URL}nonsense/").status_code == 404


def test_it_filters_by_states(charlie_api: APIClient) -> None:
    for state in ("waiting", "failed", "held"):
        deliver(state=state)
    assert states(charlie_api, "state=failed") == ["failed"]
    assert states(charlie_api, "state=failed,held") == ["failed", "held"]
    assert states(charlie_api, "state=failed&state=held") == ["failed", "held"]
    assert states(charlie_api, "") == ["failed", "held", "waiting"]


def test_it_filters_by_what_a_delivery_belongs_to(charlie_api: APIClient) -> None:
    wanted, _other = deliver(state="failed"), deliver(state="waiting")
    rule = make_rule()
    for revision in (1, 2):
        DeliveryRule.objects.create(
            delivery=wanted, rule=rule, rule_name=rule.name, revision=revision
        )
    for query in (
        f"destination={wanted.destination_id}",
        f"node={wanted.node_id}",
        f"study={wanted.study_id}",
        f"rule={rule.pk}",
    ):
        assert states(charlie_api, query) == ["failed"], query


def test_it_filters_by_time(charlie_api: APIClient) -> None:
    deliver(state="failed", created_at=datetime.fromisoformat("2026-03-01T12:00:00Z"))
    deliver(state="waiting", created_at=datetime.fromisoformat("2026-03-02T12:00:00Z"))
    assert states(charlie_api, "created_after=2026-03-02") == ["waiting"]
    assert states(charlie_api, "created_before=2026-03-02") == ["failed"]
    assert states(charlie_api, "created_after=2026-03-01T13:00:00Z") == ["waiting"]
    assert states(charlie_api, "created_before=2026-03-01T14:00:00%2B02:00") == []


def test_it_searches_by_words_of_the_study(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    study = make_study(node, patient_name="Doe^Jane", accession_number="ACC7")
    make_delivery(study, make_modality(), state="failed")
    deliver(state="waiting")
    for words in ("doe", "jane acc7", "ACC7 DOE"):
        assert states(charlie_api, f"search={words}") == ["failed"]
    assert states(charlie_api, "search=doe+nobody") == []


def test_a_search_may_be_encrypted(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    make_delivery(make_study(node, patient_name="Doe^Jane"), make_modality(), state="failed")
    deliver()
    assert states(charlie_api, f"search=~{encrypt('doe')}") == ["failed"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=lost", "state"),
        ("state=failed,lost", "state"),
        ("destination=x", "destination"),
        ("destination=999", "destination"),
        ("node=999", "node"),
        ("study=x", "study"),
        ("created_after=soon", "created_after"),
        ("search=~garbage", "search"),
        ("search=~ü", "search"),
    ],
)
def test_a_wrong_filter_is_named(charlie_api: APIClient, query: str, field: str) -> None:
    answer = charlie_api.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_pages_follow_each_other_without_gap_or_repeat(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    study, pacs = make_study(node), make_modality()
    at = minutes_ago(1)
    made = {str(make_delivery(study, pacs, created_at=at).pk) for _number in range(25)}
    url, seen = f"{URL}?page_size=10", []
    while url:
        said = charlie_api.get(url).json()
        assert said.keys() == {"next", "previous", "results"}
        seen += [each["id"] for each in said["results"]]
        url = said["next"]
    assert len(seen) == 25 and set(seen) == made


def test_a_wrong_cursor_is_not_found(charlie_api: APIClient) -> None:
    assert charlie_api.get(f"{URL}?cursor=nonsense").status_code == 404


def test_retry_asks_the_node(bob_api: APIClient) -> None:
    delivery = deliver(state="failed")
    said = bob_api.post(f"{URL}{delivery.pk}/retry/").json()
    assert (said["done"], said["skipped"], said["offline"]) == (1, [], [])
    command = Command.objects.get()
    assert (command.node, command.kind) == (delivery.node, "retry")
    assert command.data == {"deliveries": [str(delivery.pk)]}
    assert command.created_by is not None and command.created_by.username == "bob"
    assert AuditEvent.objects.get().verb == "delivery.retried"


def test_retry_says_that_a_node_is_offline(bob_api: APIClient) -> None:
    delivery = deliver(state="failed", online=False)
    said = bob_api.post(f"{URL}{delivery.pk}/retry/").json()
    assert said["offline"] == [delivery.node.name]
    assert delivery.node.name in said["detail"]
    assert Command.objects.count() == 1


@pytest.mark.parametrize(
    ("act", "state", "done"),
    [
        *(("retry", state, 1) for state in ("failed", "cancelled", "waiting")),
        *(("retry", state, 0) for state in ("sending", "delivered", "verified", "skipped", "held")),
        *(("cancel", state, 1) for state in ("waiting", "sending", "held")),
        *(("cancel", state, 0) for state in ("delivered", "verified", "failed", "skipped")),
    ],
)
def test_only_what_makes_sense_is_done(bob_api: APIClient, act: str, state: str, done: int) -> None:
    delivery = deliver(state=state)
    said = bob_api.post(f"{URL}{delivery.pk}/{act}/").json()
    assert said["done"] == done == Command.objects.count()
    assert len(said["skipped"]) == 1 - done
    assert done or said["skipped"][0]["reason"]


def test_bulk_retry_takes_the_failed_ones_that_the_filters_select(bob_api: APIClient) -> None:
    node, _secret = make_node()
    study, wanted, other = make_study(node), make_modality(), make_modality()
    for destination in (wanted, wanted, other):
        make_delivery(study, destination, state="failed")
    make_delivery(study, wanted, state="delivered")
    said = bob_api.post(f"{URL}retry/?destination={wanted.pk}").json()
    assert (said["done"], said["skipped"]) == (2, [])
    said = bob_api.post(f"{URL}retry/", {"destination": other.pk, "state": ["failed"]}).json()
    assert said["done"] == 1


def test_bulk_retry_splits_what_is_too_much_for_one_command(
    bob_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.services.acts.THINGS_PER_COMMAND", 2)
    node, _secret = make_node()
    study, pacs = make_study(node), make_modality()
    for _number in range(5):
        make_delivery(study, pacs, state="failed")
    assert bob_api.post(f"{URL}retry/").json()["done"] == 5
    assert sorted(len(each.data["deliveries"]) for each in Command.objects.all()) == [1, 2, 2]


@pytest.mark.parametrize(
    ("query", "body"),
    [("?destinaton=3", {}), ("", {"ids": [1]}), ("?state=lost", {}), ("?node=999", {}), ("", [1])],
)
def test_bulk_retry_refuses_filters_that_it_does_not_know(
    bob_api: APIClient, query: str, body: Any
) -> None:
    deliver(state="failed")
    assert bob_api.post(f"{URL}retry/{query}", body).status_code == 400
    assert not Command.objects.exists()


def test_a_list_costs_the_same_number_of_queries_however_long(
    charlie_api: APIClient, django_assert_num_queries: Any
) -> None:
    deliver()
    charlie_api.get(URL)
    with django_assert_num_queries(4):
        charlie_api.get(URL)
    for _number in range(10):
        delivery = deliver()
        DeliveryRule.objects.create(delivery=delivery, rule_name="r", revision=1)
    with django_assert_num_queries(4):
        assert len(charlie_api.get(URL).json()["results"]) == 11
