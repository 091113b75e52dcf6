"""Lanes in the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from routing.models import Lane
from tests.agent import Agent
from tests.factories import make_delivery, make_modality, make_node, make_study, minutes_ago

pytestmark = pytest.mark.django_db

URL = "/api/v1/lanes/"


def test_a_lane_is_told_in_full(charlie_api: APIClient) -> None:
    agent, pacs = Agent(), make_modality("PACS")
    reported = {
        "destination": pacs.pk,
        "state": "failing",
        "breaker": "open",
        "waiting": 4,
        "in_flight": 2,
        "progress": [80, 35],
        "next_attempt_at": "2026-11-24T22:00:00Z",
        "last_error": "DUL Association Rejected",
    }
    agent.sync(status={"dicom_aet": "MAIN", "lanes": [reported]})
    study = make_study(agent.node, instance_count=10, size_bytes=1000)
    make_delivery(study, pacs, state="verified", delivered_count=5, delivered_at=minutes_ago(3))
    make_delivery(study, pacs, state="waiting", last_error="no answer")
    [said] = charlie_api.get(URL).json()["results"]
    assert said["last_hour"] == {"deliveries": 1, "instances": 5, "bytes": 500}
    assert (said["node"], said["destination"]) == (agent.node.pk, pacs.pk)
    for name, value in reported.items():
        assert said[name] == value
    assert (said["retrying"], said["failed"], said["destination_name"]) == (1, 0, "PACS")
    assert "refused to talk" in said["error_means"]
    assert "AE title MAIN" in said["what_to_do"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"breaker": "ajar"},
        {"breaker": 1},
        {"progress": "40"},
        {"progress": [101]},
        {"progress": [-1]},
        {"progress": [True]},
        {"progress": {"a": 1}},
    ],
)
def test_a_lane_that_is_not_understood_becomes_a_warning(
    wrong: dict[str, Any], charlie_api: APIClient
) -> None:
    agent, pacs = Agent(), make_modality()
    agent.sync(status={"lanes": [{"destination": pacs.pk, "state": "idle", **wrong}]})
    assert charlie_api.get(URL).json()["results"] == []
    assert agent.node.warnings[0]["code"] == "status_not_understood"


def test_an_older_plugin_tells_nothing_of_breaker_and_progress(charlie_api: APIClient) -> None:
    agent, pacs = Agent(), make_modality()
    agent.sync(status={"lanes": [{"destination": pacs.pk, "state": "idle"}]})
    [said] = charlie_api.get(URL).json()["results"]
    assert (said["breaker"], said["progress"]) == ("closed", [])


def test_filters_and_pages(charlie_api: APIClient, django_assert_num_queries: Any) -> None:
    (node, _s), (other, _t) = make_node(), make_node()
    for each in (node, other):
        for number in range(6):
            state = "failing" if number == 0 else "idle"
            Lane.objects.create(node=each, destination=make_modality(), state=state)
    assert len(charlie_api.get(f"{URL}?node={node.pk}").json()["results"]) == 6
    assert len(charlie_api.get(f"{URL}?state=failing").json()["results"]) == 2
    assert charlie_api.get(f"{URL}?state=lost").status_code == 400
    url, seen = f"{URL}?page_size=5", []
    while url:
        said = charlie_api.get(url).json()
        seen += [each["id"] for each in said["results"]]
        url = said["next"]
    assert len(seen) == 12 == len(set(seen))
    with django_assert_num_queries(6):
        charlie_api.get(URL)
