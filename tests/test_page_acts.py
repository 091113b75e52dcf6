"""What was asked for many at once: chosen on a list or by its filters, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command, Node
from routing.models import Act, Delivery, Destination
from tests.agent import Agent
from tests.factories import make_delivery, make_modality, make_node, make_study


@pytest.fixture
def node(db: None) -> Node:
    return make_node("main", online=True)[0]


@pytest.fixture
def pacs(db: None) -> Destination:
    return make_modality("PACS")


def answer(command: Command, **values: Any) -> None:
    for name, value in {"finished_at": timezone.now(), "ok": True, **values}.items():
        setattr(command, name, value)
    command.save()


def test_chosen_studies_are_sent_first(bob_client: Client, node: Node, pacs: Destination) -> None:
    chosen = [make_study(node) for _number in range(2)]
    make_study(node)
    page = bob_client.get("/studies/").content.decode()
    assert page.count('name="chosen"') == 3
    response = bob_client.post(
        "/studies/chosen/", {"chosen": [each.pk for each in chosen], "destination": pacs.pk}
    )
    assert response.headers["Location"] == f"/acts/{Act.objects.get().pk}/"
    command = Command.objects.get()
    assert (command.kind, command.data["priority"]) == ("send", "urgent")
    assert sorted(command.data["studies"]) == sorted(each.orthanc_id for each in chosen)
    assert command.data["destination"] == pacs.pk


@pytest.mark.parametrize("data", [{"destination": ""}, {"chosen": []}])
def test_without_a_destination_or_a_study_nothing_is_sent(
    data: dict[str, Any], bob_client: Client, node: Node, pacs: Destination
) -> None:
    posted = {"chosen": [make_study(node).pk], "destination": pacs.pk, "next": "/studies/", **data}
    page = bob_client.post("/studies/chosen/", posted, follow=True).content.decode()
    assert "Choose studies and a destination. Nothing was sent." in page
    assert not Command.objects.exists()


def test_a_made_up_identifier_is_not_found(bob_client: Client, pacs: Destination) -> None:
    data = {"chosen": ["x"], "destination": pacs.pk}
    assert bob_client.post("/studies/chosen/", data).status_code == 404


def test_all_studies_that_match_are_counted_before_anything_is_sent(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    for modality in ("CT", "CT", "MR"):
        make_study(node, modalities=[modality], instance_count=600, size_bytes=3 * 1024**3)
    make_study(node, modalities=["CT"], deleted_at=timezone.now())
    address = "/studies/all/?modality=CT"
    assert 'href="/studies/all/?modality=CT"' in (
        bob_client.get("/studies/?modality=CT").content.decode()
    )
    page = bob_client.get(address).content.decode()
    for words in ("Send 2 studies?", "Modality: CT", "1,200 images", "6.0 GiB"):
        assert words in page
    assert not Command.objects.exists()
    assert "This field is required" in bob_client.post(address).content.decode()
    response = bob_client.post(address, {"destination": pacs.pk})
    assert response.headers["Location"] == f"/acts/{Act.objects.get().pk}/"
    command = Command.objects.get()
    assert (len(command.data["studies"]), command.data["priority"]) == (2, "low")


def test_a_filter_that_cannot_be_read_sends_nothing(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    make_study(node)
    bob_client.post("/studies/all/?search=~broken", {"destination": pacs.pk})
    assert not Command.objects.exists()


def test_a_destination_that_is_off_cannot_be_chosen(bob_client: Client, node: Node) -> None:
    make_study(node)
    off = make_modality(enabled=False)
    page = bob_client.post("/studies/all/", {"destination": off.pk}).content.decode()
    assert "not one of the available choices" in page
    assert not Act.objects.exists()


def test_ten_thousand_go_in_parts_of_five_hundred(
    bob_client: Client, node: Node, pacs: Destination, django_assert_max_num_queries: Any
) -> None:
    study = make_study(node)

    Delivery.objects.bulk_create(
        Delivery(
            node=node,
            study=study,
            destination=pacs,
            destination_name="PACS",
            state="failed",
            created_at=timezone.now(),
        )
        for _number in range(10_000)
    )
    with django_assert_max_num_queries(120):
        bob_client.post("/deliveries/all/retry/?state=failed")
    assert [len(each.data["deliveries"]) for each in Command.objects.all()] == [500] * 20
    assert AuditEvent.objects.filter(verb="delivery.retried").count() == 20
    page = bob_client.get(f"/acts/{Act.objects.get().pk}/").content.decode()
    assert "Retry 10,000 deliveries" in page
    assert "0 of 20 parts are answered" in page
    assert "10,000 are not answered yet" in page


def test_the_page_tells_what_the_nodes_did_and_why_not_all(
    charlie_client: Client, bob_client: Client, node: Node, pacs: Destination
) -> None:
    gateway, _secret = make_node("gateway")
    for each in (node, node, node, gateway):
        make_delivery(make_study(each), pacs, state="waiting")
    make_delivery(make_study(node), pacs, state="delivered")
    chosen = [str(each.pk) for each in pacs.deliveries.all()]
    bob_client.post("/deliveries/chosen/", {"act": "cancel", "chosen": chosen})
    command = Command.objects.get(node=node)
    first, *rest = command.data["deliveries"]
    refused = [{"id": first, "reason": "It is verified already."}]
    answer(command, result={"done": rest, "skipped": refused})
    page = charlie_client.get(f"/acts/{Act.objects.get().pk}/").content.decode()
    for words in (
        "Cancel 4 deliveries",
        "asked by bob",
        "2 are done",
        "2 are not done",
        "1 is not answered yet",
        "It is verified already.",
        "It is delivered already.",
        "It is offline, and does it when it is back.",
    ):
        assert words in page


def test_a_part_that_failed_as_a_whole_counts_all_of_its_things(
    charlie_client: Client, bob_client: Client, node: Node, pacs: Destination
) -> None:
    studies = [make_study(node).pk for _number in range(3)]
    bob_client.post("/studies/chosen/", {"chosen": studies, "destination": pacs.pk})
    answer(Command.objects.get(), ok=False, detail="The node does not know this destination.")
    page = charlie_client.get(f"/acts/{Act.objects.get().pk}/").content.decode()
    assert "3 are not done" in page
    assert "The node does not know this destination." in page


@pytest.mark.parametrize("result", [{}, {"done": 7}, {"skipped": ["x", {}]}, {"done": None}])
def test_an_odd_answer_of_a_node_does_not_break_the_page(
    result: dict[str, Any], charlie_client: Client, bob_client: Client, pacs: Destination
) -> None:
    agent = Agent()
    study = make_study(agent.node)
    bob_client.post("/studies/chosen/", {"chosen": [study.pk], "destination": pacs.pk})
    [command] = agent.sync()["commands"]
    agent.sync(results=[{"command": command["id"], "ok": True, "data": result}])
    page = charlie_client.get(f"/acts/{Act.objects.get().pk}/").content.decode()
    assert "1 is not done" in page
    assert "All of it is answered." in page
