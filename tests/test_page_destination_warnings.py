"""Destinations: an echo that failed is remembered, and one place under two names is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.nodes.models import Command, Node
from routing.models import Destination, Lane
from routing.models.destination import Kind
from routing.twins import of
from tests.factories import make_modality, make_node

TWICE = "A study sent to both is sent there twice."


@pytest.fixture
def node(db: None) -> Node:
    return make_node("main", online=True)[0]


def echoed(node: Node, destination: Destination, ok: bool, detail: str = "") -> Command:
    return Command.objects.create(
        node=node,
        kind="echo",
        data={"destination": destination.pk},
        finished_at=timezone.now(),
        ok=ok,
        detail=detail,
    )


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/{0.pk}/"])
def test_an_echo_that_failed_stays_in_the_health(
    address: str, charlie_client: Client, node: Node
) -> None:
    pacs = make_modality("PACS")
    echoed(node, pacs, False, "connecting to AET PACS: Connection refused")
    page = charlie_client.get(address.format(pacs)).content.decode()
    for words in ("Echo failed", "An echo failed", "Nothing listens at", "Connection refused"):
        assert words in page


def test_it_goes_when_something_else_is_known(charlie_client: Client, node: Node) -> None:
    first, second = make_modality("A", host="192.0.2.8"), make_modality("B")
    echoed(node, first, False, "no answer")
    echoed(node, first, True)
    echoed(node, second, False, "no answer")
    later = timezone.now() + timedelta(seconds=1)
    Lane.objects.create(node=node, destination=second, last_success_at=later)
    assert "Echo failed" not in charlie_client.get("/destinations/").content.decode()


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/{0.pk}/edit/"])
def test_two_names_of_one_address_are_told(address: str, alice_client: Client, node: Node) -> None:
    one = make_modality("ONE", aet="PACS", host="Pacs.example")
    make_modality("TWO", aet="PACS", host="pacs.example")
    page = alice_client.get(address.format(one)).content.decode()
    assert TWICE in page
    assert TWICE in alice_client.get("/rules/everything/").content.decode()


def test_adding_a_second_name_of_an_address_is_told_at_once(alice_client: Client) -> None:
    make_modality("ONE", aet="PACS", host="pacs.example", port=104)
    values = {
        **{"name": "TWO", "kind": "modality", "aet": "PACS", "host": "pacs.example", "port": 104},
        **{"enabled": "on", "verify": "none", "max_in_flight": 2},
    }
    page = alice_client.post("/destinations/new/", values, follow=True).content.decode()
    assert "ONE has the same address." in page


def test_what_differs_or_shares_no_node_is_no_twin(node: Node) -> None:
    other, _secret = make_node()
    here = make_modality("A", aet="X", nodes=[node])
    make_modality("B", aet="X", nodes=[other])
    make_modality("C", aet="Y")
    make_modality("D", aet="X", enabled=False)
    peer = Destination.objects.create(name="P", kind=Kind.PEER, url="http://192.0.2.7:104/")
    Destination.objects.create(name="W", kind=Kind.DICOMWEB, url="http://192.0.2.7:104/")
    assert of(here) == of(peer) == []
    again = Destination.objects.create(name="Q", kind=Kind.PEER, url="http://192.0.2.7:104")
    assert of(peer) == [again]
