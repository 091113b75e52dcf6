"""Studies in the API: found, told with their timeline, sent by hand."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command
from routing.models import Study
from tests.agent import Agent
from tests.factories import (
    delivery_report,
    event,
    make_modality,
    make_node,
    make_study,
    study_report,
)

pytestmark = pytest.mark.django_db

URL = "/api/v1/studies/"


def found(client: APIClient, query: str) -> list[str]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.content
    return sorted(each["orthanc_id"] for each in answer.json()["results"])


def test_it_has_the_fields_of_the_contract(charlie_api: APIClient) -> None:
    agent = Agent()
    agent.sync(events=[study_report()])
    [said] = charlie_api.get(URL).json()["results"]
    expected = {
        "node": agent.node.pk,
        "orthanc_id": "study-a",
        "study_instance_uid": "1.2.840.1",
        "patient_id": "P1",
        "accession_number": "A1",
        "study_date": "2026-11-24",
        "modalities": ["CT"],
        "instance_count": 3,
    }
    assert {name: said[name] for name in expected} == expected
    alone = charlie_api.get(f"{URL}{said['id']}/").json()
    assert alone["facts"]["study"] == {"PatientID": "P1"}


def test_it_is_found_by_patient_accession_uid_and_description(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    make_study(
        node,
        orthanc_id="a",
        patient_id="ID77",
        patient_name="Müller^Änne",
        accession_number="ACC1",
        study_instance_uid="1.2.3.4",
        study_description="Abdomen",
    )
    make_study(node, orthanc_id="b")
    for words in ("id77", "Müller", "acc1", "1.2.3.4", "abdo", "müller acc1"):
        assert found(charlie_api, f"search={words}") == ["a"], words


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("modality=MR", ["b"]),
        ("modality=mr", ["b"]),
        ("modality=M", []),
        ("modality=%22", []),
        ("study_date_after=2026-02-01", ["b"]),
        ("study_date_before=2026-02-01", ["a"]),
        ("study_date_after=2026-01-01&study_date_before=2026-01-01", ["a"]),
    ],
)
def test_filters(charlie_api: APIClient, query: str, ids: list[str]) -> None:
    node, _secret = make_node()
    make_study(node, orthanc_id="a", modalities=["CT", "SR"], study_date="2026-01-01")
    make_study(node, orthanc_id="b", modalities=["CT", "MR"], study_date="2026-03-01")
    assert found(charlie_api, query) == ids


def test_the_timeline_tells_what_happened_newest_first(charlie_api: APIClient) -> None:
    agent, pacs, ident = Agent(), make_modality(), str(uuid.uuid4())
    agent.sync(
        events=[
            study_report(seq=1),
            event("rules.evaluated", {"study": "study-a", "decisions": []}, 2),
            delivery_report(ident, pacs, "waiting", 3),
            {**study_report(seq=4), "kind": "study.flew"},
        ]
    )
    said = charlie_api.get(f"{URL}{Study.objects.get().pk}/timeline/").json()["results"]
    assert [each["kind"] for each in said] == [
        "delivery.changed",
        "rules.evaluated",
        "study.stable",
    ]
    assert said[0]["delivery"] == ident
    assert "patient_name" not in str(said)


def test_sending_asks_the_node_of_the_study(bob_api: APIClient) -> None:
    node, _secret = make_node()
    study, pacs = make_study(node), make_modality("PACS")
    answer = bob_api.post(f"{URL}{study.pk}/send/", {"destination": pacs.pk})
    assert answer.status_code == 202
    command = Command.objects.get()
    assert answer.json()["command"] == str(command.pk) and answer.json()["done"] is False
    assert (command.kind, command.node) == ("send", node)
    assert command.data == {
        "studies": [study.orthanc_id],
        "destination": pacs.pk,
        "priority": "urgent",
    }
    audited = AuditEvent.objects.get()
    assert (audited.verb, audited.object_name) == ("study.sent", study.study_instance_uid)


def test_sending_gives_the_delivery_of_a_node_that_answers(
    bob_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, ident = Agent(), str(uuid.uuid4())
    agent.sync(events=[study_report()])

    def node_answers(seconds: float) -> bool:
        [command] = agent.sync()["commands"]
        agent.sync(results=[{"command": command["id"], "ok": True, "data": {"done": [ident]}}])
        return False

    monkeypatch.setattr("orthanc_console.stopping.pause", node_answers)
    body = {"destination": make_modality().pk}
    said = bob_api.post(f"{URL}{Study.objects.get().pk}/send/", body).json()
    assert (said["done"], said["ok"], said["delivery"]) == (True, True, ident)


def test_sending_is_refused_where_it_cannot_work(bob_api: APIClient) -> None:
    (node, _s), (other, _t) = make_node(), make_node()
    study = make_study(node)
    gone = make_study(node, deleted_at=timezone.now())
    usable, foreign = make_modality(), make_modality(nodes=[other])
    off, vanished = make_modality(enabled=False), make_modality(gone_at=timezone.now())
    for each, destination in ((study, foreign), (study, off), (study, vanished), (gone, usable)):
        answer = bob_api.post(f"{URL}{each.pk}/send/", {"destination": destination.pk})
        assert answer.status_code == 400 and answer.json()["detail"]
    assert bob_api.post(f"{URL}{study.pk}/send/", {}).json().keys() == {"destination"}
    assert not Command.objects.exists()


def test_a_list_costs_the_same_number_of_queries_however_long(
    charlie_api: APIClient, django_assert_num_queries: Any
) -> None:
    node, _secret = make_node()
    charlie_api.get(URL)
    for _number in range(10):
        make_study(node)
    with django_assert_num_queries(3):
        assert len(charlie_api.get(URL).json()["results"]) == 10
