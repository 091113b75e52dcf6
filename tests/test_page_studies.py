"""Studies in the browser: what happened to one."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.agent.models import Event
from orthanc_console.nodes.models import Command
from routing.models import Delivery, Study
from routing.timeline import timeline
from tests.factories import make_delivery, make_modality, make_node, make_study

BEGIN = timezone.now() - timedelta(minutes=10)
TREE = {
    "kind": "all",
    "result": "undecided",
    "deciding": True,
    "parts": [
        {
            "kind": "condition",
            "result": "undecided",
            "deciding": True,
            "text": "SliceThickness < 2",
            "seen": [{"field": "SliceThickness", "value": "", "absent": True, "note": ""}],
        },
        {
            "kind": "condition",
            "result": "match",
            "deciding": False,
            "text": 'Modality == "CT"',
            "seen": [{"field": "Modality", "value": "CT", "absent": False, "note": ""}],
        },
    ],
}


@pytest.fixture
def study(db: None) -> Study:
    node, _secret = make_node("main", online=True)
    return make_study(
        node,
        patient_name="Doe^Jane",
        study_description="Abdomen",
        instance_count=312,
        source_aet="CT1",
        received_at=BEGIN,
    )


def report(
    study: Study, seq: int, kind: str, data: dict[str, Any], delivery: Delivery | None = None
) -> None:
    at = BEGIN + timedelta(seconds=seq)
    Event.objects.create(
        id=uuid.uuid4(),
        node=study.node,
        seq=seq,
        kind=kind,
        at=at,
        received_at=at,
        study=study,
        delivery=delivery,
        data=data,
    )


def decided(**values: Any) -> dict[str, Any]:
    explanation = {"result": "undecided", "level": "study", "series": None, "tree": TREE}
    base = {"rule": 1, "name": "Thin CT", "revision": 4, "enforcement": "active"}
    return {**base, "result": "undecided", "explanation": explanation, "outcome": "", **values}


def sent(state: str, **values: Any) -> dict[str, Any]:
    return {"delivery": {"state": state, "destination_name": "PACS", "attempts": 1, **values}}


def test_the_timeline_is_newest_first_and_tells_each_state_once(study: Study) -> None:
    delivery = make_delivery(study, make_modality("PACS"))
    report(study, 1, "study.stable", {"study": {"instance_count": 312}})
    report(study, 2, "rules.evaluated", {"decisions": [decided()]})
    report(study, 3, "delivery.changed", sent("waiting", attempts=0), delivery)
    report(study, 4, "delivery.changed", sent("sending"), delivery)
    report(study, 5, "delivery.changed", sent("sending", delivered_count=7), delivery)
    report(study, 6, "delivery.changed", sent("waiting", last_error="refused"), delivery)
    report(study, 7, "delivery.changed", sent("sending", attempts=2), delivery)
    report(study, 8, "delivery.changed", sent("delivered", attempts=2), delivery)
    report(study, 9, "study.deleted", {})
    moments = [(each.kind, each.data.get("state")) for each in timeline(study)]
    assert moments == [
        ("deleted", None),
        ("delivery", "delivered"),
        ("delivery", "sending"),
        ("delivery", "waiting"),
        ("delivery", "sending"),
        ("delivery", "waiting"),
        ("rules", None),
        ("stable", None),
        ("received", None),
    ]


def test_an_event_that_was_set_aside_is_not_in_the_timeline(study: Study) -> None:
    report(study, 1, "study.stable", {"study": {}})
    Event.objects.update(problem="not understood")
    assert [each.kind for each in timeline(study)] == ["received"]


def test_the_page_explains_each_decision_with_the_values_seen(
    charlie_client: Client, study: Study
) -> None:
    report(study, 2, "rules.evaluated", {"decisions": [decided()]})
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    for words in (
        "Thin CT",
        "Could not be decided",
        "SliceThickness &lt; 2",
        "SliceThickness = absent",
        "Modality = “CT”",
        "all of",
        "First image received from CT1",
    ):
        assert words in page


def test_the_page_shows_patient_counts_and_deliveries(charlie_client: Client, study: Study) -> None:
    make_delivery(study, make_modality("PACS"), state="failed", last_error="no answer")
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    for words in ("Doe^Jane", "312 images", "PACS", "no answer"):
        assert words in page


def test_an_operator_sends_a_study_to_a_destination(bob_client: Client, study: Study) -> None:
    destination = make_modality("PACS")
    page = bob_client.post(
        f"/studies/{study.pk}/send/", {"destination": destination.pk}, follow=True
    ).content.decode()
    assert "main is asked to send it to PACS" in page
    command = Command.objects.get()
    assert command.data["studies"] == [study.orthanc_id]
    assert command.data["destination"] == destination.pk


@pytest.mark.parametrize("chosen", ["", "abc", "999999"])
def test_without_a_destination_nothing_is_sent(
    chosen: str, bob_client: Client, study: Study
) -> None:
    page = bob_client.post(f"/studies/{study.pk}/send/", {"destination": chosen}, follow=True)
    assert b"Choose a destination. Nothing was sent." in page.content
    assert not Command.objects.exists()


def test_only_destinations_of_its_node_are_offered(bob_client: Client, study: Study) -> None:
    elsewhere, _secret = make_node("elsewhere")
    make_modality("NEAR", nodes=[study.node])
    make_modality("FAR", nodes=[elsewhere])
    make_modality("OFF", enabled=False)
    page = bob_client.get(f"/studies/{study.pk}/").content.decode()
    options = page.split('id="send-to"')[1].split("</select>")[0]
    assert "NEAR" in options
    assert "FAR" not in options
    assert "OFF" not in options


def test_a_study_that_orthanc_deleted_cannot_be_sent(bob_client: Client, study: Study) -> None:
    make_modality()
    Study.objects.update(deleted_at=timezone.now())
    page = bob_client.get(f"/studies/{study.pk}/").content.decode()
    assert "Deleted in Orthanc" in page
    assert 'id="send-to"' not in page


def test_a_search_without_a_hit_tells_why_a_study_may_be_missing(charlie_client: Client) -> None:
    page = charlie_client.post("/search/", {"list": "studies", "search": "nobody"}, follow=True)
    assert b"StableAge" in page.content
