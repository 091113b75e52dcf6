"""A study that Orthanc no longer has stays in the history, marked as gone."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from routing.models import Study
from tests.agent import Agent
from tests.factories import event, study_report

pytestmark = pytest.mark.django_db
EARLIER, LATER = "2026-11-24T22:00:00Z", "2026-11-24T22:10:00Z"


def deleted(seq: int, at: str = LATER) -> dict[str, object]:
    return event("study.deleted", {"study": "study-a"}, seq, at=at)


def purged(seq: int) -> dict[str, object]:
    line = {"study": "study-a", "outcome": "deleted", "at": EARLIER}
    return event("purge.study", {"run": str(uuid.uuid4()), "studies": [line]}, seq)


def test_page_and_api_show_that_it_is_gone(alice_client: Client, alice_api: APIClient) -> None:
    Agent().sync(events=[study_report(seq=1), deleted(2)])
    study = Study.objects.get()
    page = alice_client.get(reverse("study", args=(study.pk,))).content.decode()
    assert "deleted" in page.lower() and "Send now" not in page
    shown = alice_api.get(f"/api/v1/studies/{study.pk}/").json()
    assert shown["deleted_at"] == LATER
    kinds = [each["kind"] for each in timeline(alice_api, study)]
    assert kinds[0] == "study.deleted"


def timeline(api: APIClient, study: Study) -> list[dict[str, object]]:
    told: list[dict[str, object]] = api.get(f"/api/v1/studies/{study.pk}/timeline/").json()[
        "results"
    ]
    return told


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_a_purge_told_exactly_is_not_changed_by_who_noticed_later(
    order: tuple[int, int],
) -> None:
    agent = Agent()
    agent.sync(events=[study_report(seq=1)])
    told = [purged(2), deleted(3)]
    agent.sync(events=[told[0]])
    agent.sync(events=[told[each] for each in order])
    study = Study.objects.get()
    assert study.deleted_at is not None
    assert study.deleted_at.isoformat() == EARLIER.replace("Z", "+00:00")


def test_one_that_comes_again_is_there_again() -> None:
    agent = Agent()
    agent.sync(events=[study_report(seq=1), deleted(2), study_report(seq=3)])
    assert Study.objects.get().deleted_at is None
