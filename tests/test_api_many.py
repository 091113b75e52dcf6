"""Many at once in the API: send, retry and cancel what is named or what filters select, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command, Node
from routing.models import Act, Destination
from tests.factories import make_delivery, make_modality, make_node, make_study

pytestmark = pytest.mark.django_db

SEND = "/api/v1/studies/send/"
RETRY = "/api/v1/deliveries/retry/"
CANCEL = "/api/v1/deliveries/cancel/"


@pytest.fixture
def node() -> Node:
    return make_node("main", online=True)[0]


@pytest.fixture
def pacs() -> Destination:
    return make_modality("PACS")


def test_named_studies_are_sent_before_what_waits(
    bob_api: APIClient, node: Node, pacs: Destination
) -> None:
    studies = [make_study(node) for _number in range(3)]
    body = {"destination": pacs.pk, "studies": [each.pk for each in studies[:2]]}
    said = bob_api.post(SEND, body).json()
    assert (said["done"], said["skipped"], said["offline"]) == (2, [], [])
    command = Command.objects.get()
    assert command.data == {
        "studies": [each.orthanc_id for each in studies[:2][::-1]],
        "destination": pacs.pk,
        "priority": "urgent",
    }
    audited = AuditEvent.objects.get()
    assert (audited.verb, audited.message) == ("study.sent", "2 studies to PACS")


def test_what_filters_select_is_sent_after_what_waits(
    bob_api: APIClient, node: Node, pacs: Destination
) -> None:
    for modality in ("CT", "MR", "MR"):
        make_study(node, modalities=[modality])
    said = bob_api.post(SEND, {"destination": pacs.pk, "modality": "MR"}).json()
    assert said["done"] == 2
    assert Command.objects.get().data["priority"] == "low"
    assert bob_api.post(f"{SEND}?modality=CT", {"destination": pacs.pk, "priority": "normal"})
    assert Command.objects.latest("created_at").data["priority"] == "normal"


def test_studies_that_cannot_be_sent_are_named_with_the_reason(
    bob_api: APIClient, node: Node
) -> None:
    other, _secret = make_node("other")
    pacs = make_modality("PACS", nodes=[node])
    here, gone = make_study(node), make_study(node, deleted_at=timezone.now())
    elsewhere = make_study(other)
    body = {"destination": pacs.pk, "studies": [here.pk, gone.pk, elsewhere.pk]}
    said = bob_api.post(SEND, body).json()
    assert said["done"] == 1
    assert {each["id"]: each["reason"] for each in said["skipped"]} == {
        str(gone.pk): "Orthanc does not have this study any more.",
        str(elsewhere.pk): "other, which has this study, may not send to PACS.",
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "studies"),
        ({"studies": [1], "modality": "CT"}, "studies"),
        ({"studies": "1"}, "studies"),
        ({"studies": ["x"]}, "studies"),
        ({"studies": [999]}, "studies"),
        ({"modallity": "CT"}, "modallity"),
        ({"node": 999}, "node"),
        ({"studies": [], "destination": 999}, "destination"),
        ({"studies": [], "priority": "now"}, "priority"),
    ],
)
def test_a_selection_that_is_not_clear_is_refused(
    body: dict[str, Any], field: str, bob_api: APIClient, pacs: Destination
) -> None:
    answer = bob_api.post(SEND, {"destination": pacs.pk, **body})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Command.objects.exists()


def test_named_deliveries_are_retried_and_cancelled(
    bob_api: APIClient, node: Node, pacs: Destination
) -> None:
    failed = make_delivery(make_study(node), pacs, state="failed")
    waiting = make_delivery(make_study(node), pacs, state="waiting")
    make_delivery(make_study(node), pacs, state="failed")
    both = {"deliveries": [str(failed.pk), str(waiting.pk)]}
    assert bob_api.post(RETRY, both).json()["done"] == 2
    said = bob_api.post(CANCEL, both).json()
    assert said["done"] == 1
    assert said["skipped"] == [{"id": str(failed.pk), "reason": "It is failed already."}]


def test_cancelling_by_filters_takes_only_what_is_not_over(
    bob_api: APIClient, node: Node, pacs: Destination
) -> None:
    study = make_study(node)
    for state in ("waiting", "held", "sending", "failed", "verified"):
        make_delivery(study, pacs, state=state)
    make_delivery(study, make_modality("OTHER"), state="waiting")
    said = bob_api.post(CANCEL, {"destination": pacs.pk}).json()
    assert (said["done"], said["skipped"]) == (3, [])


def test_cancelling_needs_a_filter(bob_api: APIClient, node: Node, pacs: Destination) -> None:
    make_delivery(make_study(node), pacs, state="waiting")
    assert bob_api.post(CANCEL).status_code == 400
    assert not Command.objects.exists()


def test_a_destination_is_drained_of_one_node_or_of_all(
    bob_api: APIClient, node: Node, pacs: Destination
) -> None:
    other, _secret = make_node("other")
    for each in (node, other):
        for state in ("waiting", "held", "sending"):
            make_delivery(make_study(each), pacs, state=state)
    url = f"/api/v1/destinations/{pacs.pk}/drain/"
    assert bob_api.post(url, {"node": other.pk}).json()["done"] == 2
    assert bob_api.post(url).json()["done"] == 4
    messages = AuditEvent.objects.filter(verb="destination.drained").values_list("message")
    assert [message for (message,) in messages] == ["4 deliveries", "2 deliveries of other"]


def test_an_act_tells_what_came_of_it(bob_api: APIClient, node: Node, pacs: Destination) -> None:
    for _number in range(2):
        make_delivery(make_study(node), pacs, state="failed")
    act = bob_api.post(RETRY).json()["act"]
    said = bob_api.get(f"/api/v1/acts/{act}/").json()
    assert (said["verb"], said["asked"], said["actor"]) == ("retry", 2, "bob")
    assert said["outcome"]["open"] == 2
    command = Command.objects.get()
    done, refused = command.data["deliveries"]
    command.ok, command.finished_at = True, timezone.now()
    command.result = {"done": [done], "skipped": [{"id": refused, "reason": "It is gone."}]}
    command.save()
    outcome = bob_api.get(f"/api/v1/acts/{act}/").json()["outcome"]
    assert (outcome["done"], outcome["open"], outcome["not_done"]) == (1, 0, 1)
    assert outcome["reasons"] == {"It is gone.": 1}
    assert outcome["nodes"] == [
        {"node": node.pk, "commands": 1, "finished": 1, "asked": 2, "done": 1, "refused": 1}
        | {"failed": 0}
    ]
    assert [each["id"] for each in bob_api.get("/api/v1/acts/").json()["results"]] == [act]


def test_an_act_outlives_its_nodes(bob_api: APIClient, node: Node, pacs: Destination) -> None:
    make_delivery(make_study(node), pacs, state="failed")
    act = bob_api.post(RETRY).json()["act"]
    node.delete()
    outcome = bob_api.get(f"/api/v1/acts/{act}/").json()["outcome"]
    assert outcome["nodes"] == []
    assert Act.objects.get().asked == 1
