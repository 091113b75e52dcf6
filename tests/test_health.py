"""What a supervisor asks of the console."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient

from routing.models import Lane
from tests.agent import Agent
from tests.factories import make_delivery, make_modality, make_study

pytestmark = pytest.mark.django_db


def test_healthz_asks_nothing_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/healthz").status_code == 200


def test_readyz_is_green_with_a_migrated_database() -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_readyz_says_that_migrations_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "orthanc_console.health.MigrationExecutor.migration_plan", lambda *args: [1, 2]
    )
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "2 migrations" in answer.json()["detail"]


def test_readyz_says_that_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("secret host name")

    monkeypatch.setattr("orthanc_console.health.MigrationExecutor", fail)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "secret" not in answer.json()["detail"]


def test_metrics_need_a_token() -> None:
    assert Client().get("/metrics").status_code == 401


def test_metrics_tell_nodes_and_deliveries(charlie_api: APIClient) -> None:
    agent, pacs = Agent('ma"in'), make_modality("PACS")
    agent.sync(status={"outbox": 17})
    study = make_study(agent.node)
    for state in ("waiting", "waiting", "failed", "delivered"):
        make_delivery(study, pacs, state=state)
    Lane.objects.create(node=agent.node, destination=pacs, state="failing", waiting=2)
    answer = charlie_api.get("/metrics")
    assert answer["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    for line in (
        'orthanc_console_node_online{node="ma\\"in"} 1.0',
        'orthanc_console_node_outbox{node="ma\\"in"} 17.0',
        'orthanc_console_deliveries{state="waiting"} 2.0',
        'orthanc_console_deliveries{state="failed"} 1.0',
        'orthanc_console_deliveries{state="held"} 0.0',
        'orthanc_console_lane_waiting{destination="PACS",node="ma\\"in"} 2.0',
        'orthanc_console_lane_failing{destination="PACS",node="ma\\"in"} 1.0',
    ):
        assert line in lines, line
