"""Events are stored once, whatever the order and however often they come."""

from __future__ import annotations

import json
import random
import threading
import uuid
from typing import Any

import pytest
from django.db import connection

from orthanc_console.agent import intake
from orthanc_console.agent.messages import parse
from orthanc_console.agent.models import Event
from routing.models import Attempt, Delivery, DeliveryRule, Study
from tests.agent import Agent
from tests.factories import (
    attempt,
    delivery_report,
    event,
    make_modality,
    make_node,
    make_rule,
    study_report,
)

pytestmark = pytest.mark.django_db


def test_a_repeated_batch_changes_nothing() -> None:
    agent = Agent()
    events = [study_report(seq=1), event("node.notice", {"code": "x", "message": "y"}, 2)]
    agent.sync(events=events)
    Study.objects.update(instance_count=99)
    agent.sync(events=events)
    assert Event.objects.count() == 2
    assert Study.objects.get().instance_count == 99


def test_an_event_that_is_twice_in_a_batch_is_stored_once() -> None:
    agent = Agent()
    twice = study_report()
    assert agent.sync(events=[twice, twice])["set_aside"] == []
    assert Event.objects.count() == 1


def test_a_batch_is_stored_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent()
    agent.client.raise_request_exception = False

    def fail(*args: object) -> None:
        raise RuntimeError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(intake, "_keep", fail)
        assert agent.post(agent.body(events=[study_report()])).status_code == 500
    assert not Study.objects.exists()
    agent.sync(events=[study_report()])
    assert Study.objects.count() == 1


@pytest.mark.parametrize("shuffle", range(8))
def test_the_order_of_arrival_does_not_matter(shuffle: int) -> None:
    agent = Agent()
    pacs, rule = make_modality(), make_rule("r")
    ident = str(uuid.uuid4())
    rules = [{"id": rule.pk, "name": "r", "revision": 1}]
    decisions = [{"rule": rule.pk, "result": "match", "revision": 1}]
    events = [
        study_report(seq=1),
        event("rules.evaluated", {"study": "study-a", "decisions": decisions}, 2),
        delivery_report(ident, pacs, "waiting", 3, rules=rules),
        delivery_report(
            ident, pacs, "sending", 4, attempts=1, rules=rules, attempt=attempt(1, "running")
        ),
        delivery_report(
            ident, pacs, "waiting", 5, attempts=1, attempt=attempt(1, "failed", error="refused")
        ),
        delivery_report(ident, pacs, "sending", 6, attempts=2, attempt=attempt(2, "running")),
        delivery_report(
            ident,
            pacs,
            "delivered",
            7,
            attempts=2,
            delivered_count=3,
            attempt=attempt(2, "succeeded"),
        ),
        study_report(seq=8, instance_count=5),
    ]
    random.Random(shuffle).shuffle(events)
    for start in range(0, len(events), 3):
        assert agent.sync(events=events[start : start + 3])["set_aside"] == []
    study, delivery = Study.objects.get(), Delivery.objects.get()
    assert (study.instance_count, study.patient_id, study.last_seq) == (5, "P1", 8)
    assert (delivery.state, delivery.attempts, delivery.delivered_count) == ("delivered", 2, 3)
    assert delivery.study == study and delivery.destination == pacs
    outcomes = dict(Attempt.objects.values_list("number", "outcome"))
    assert outcomes == {1: "failed", 2: "succeeded"}
    assert DeliveryRule.objects.get().rule == rule
    assert study.events.count() == 8
    assert delivery.events.count() == 5
    rule.refresh_from_db()
    assert rule.last_matched_at is not None


def test_a_deleted_study_stays_and_comes_back_with_a_newer_report() -> None:
    agent = Agent()
    agent.sync(events=[study_report(seq=5)])
    agent.sync(events=[event("study.deleted", {"study": "study-a"}, 9), study_report(seq=7)])
    study = Study.objects.get()
    assert study.deleted_at is not None
    agent.sync(events=[study_report(seq=10)])
    study.refresh_from_db()
    assert study.deleted_at is None


def test_studies_of_two_nodes_are_two_studies() -> None:
    Agent().sync(events=[study_report()])
    Agent().sync(events=[study_report()])
    assert Study.objects.count() == 2


def test_a_node_cannot_change_the_delivery_of_another() -> None:
    pacs, ident = make_modality(), str(uuid.uuid4())
    Agent().sync(events=[delivery_report(ident, pacs, "delivered")])
    said = Agent().sync(events=[delivery_report(ident, pacs, "failed")])
    assert "Another node" in said["set_aside"][0]["reason"]
    assert Delivery.objects.get().state == "delivered"


def test_a_delivery_to_a_destination_that_is_gone_keeps_its_name() -> None:
    pacs = make_modality("OLD")
    report = delivery_report(
        str(uuid.uuid4()), pacs, "waiting", rules=[{"id": 77, "name": "old", "revision": 2}]
    )
    pacs.delete()
    assert Agent().sync(events=[report])["set_aside"] == []
    delivery = Delivery.objects.get()
    assert delivery.destination is None
    assert delivery.destination_name == "OLD"
    link = delivery.rule_links.get()
    assert (link.rule, link.rule_name, link.revision) == (None, "old", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"},
        {"state": "lost"},
        {"state": None},
        {"study": ""},
        {"destination": "3"},
        {"rules": {}},
        {"attempt": {"number": 1}},
        {"attempt": attempt(1, "won")},
        {"attempt": attempt(1, "failed", error_code="9")},
        {"attempt": attempt(1, "failed", error_code=2**40)},
        {"attempt": attempt(-1, "failed")},
    ],
)
def test_a_delivery_that_is_not_understood_is_set_aside(wrong: dict[str, Any]) -> None:
    report = delivery_report(str(uuid.uuid4()), make_modality(), "waiting")
    report["data"]["delivery"].update(wrong)
    said = Agent().sync(events=[report])
    assert len(said["set_aside"]) == 1
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_event_in_calls_at_the_same_time_is_stored_once() -> None:
    agent = Agent()
    node, _secret = agent.node, agent.token
    events = [study_report(f"study-{n}", seq=n) for n in range(1, 40)]
    body = json.dumps(agent.body(events=events)).encode()
    codes: list[int] = []

    def call() -> None:
        try:
            codes.append(agent.post(body).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert Event.objects.filter(node=node).count() == len(events)
    assert Study.objects.count() == len(events)


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(
    django_assert_max_num_queries: Any,
) -> None:
    node, _secret = make_node()
    pacs = make_modality()
    agent = Agent()
    events = []
    for n in range(120):
        events.append(study_report(f"study-{n}", seq=n))
        events.append(
            delivery_report(
                str(uuid.uuid4()),
                pacs,
                "sending",
                1000 + n,
                study=f"study-{n}",
                attempt=attempt(1, "running"),
            )
        )
    request = parse(json.dumps(agent.body(events=events)).encode())
    # SQLite takes at most 999 values in one statement, so that it needs some more.
    limit = 60 if connection.vendor == "sqlite" else 25
    with django_assert_max_num_queries(limit):
        intake.store(node, request.events, [])
    assert Delivery.objects.count() == 120
