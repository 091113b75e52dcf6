"""A node's page tells what is not the same on the others."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from intercept.models import WebhookTarget
from orthanc_console.nodes.differences import differences
from orthanc_console.nodes.models import Node
from tests.factories import make_found, make_modality, make_node, make_rule
from tests.purge_things import make_policy

pytestmark = pytest.mark.django_db


def attached(name: str, **values: object) -> Node:
    node, _secret = make_node(name)
    for field, value in {"last_seen_at": timezone.now(), **values}.items():
        setattr(node, field, value)
    node.save()
    return node


def lines(node: Node) -> list[tuple[str, str, str, str]]:
    return [(str(d.what), d.name, d.here, d.others) for d in differences(node) or []]


def test_a_node_alone_differs_from_nobody(alice_client: Client) -> None:
    node = attached("alone")
    make_node("never called")
    make_rule(nodes=[node])
    assert differences(node) is None
    assert "Unlike the other nodes" not in alice_client.get(f"/nodes/{node.pk}/").content.decode()


def test_what_holds_for_all_is_no_difference(alice_client: Client) -> None:
    one, _other = attached("one"), attached("other")
    make_rule()
    make_modality()
    make_found(one)
    assert lines(one) == []
    page = alice_client.get(f"/nodes/{one.pk}/").content.decode()
    assert "Nothing: it has the same rules" in page


def test_what_is_limited_to_nodes_is_named_here_and_elsewhere(alice_client: Client) -> None:
    nodes = [attached(f"node{number}") for number in range(6)]
    one, two = nodes[:2]
    rule = make_rule("Only the first", nodes=[one])
    make_modality("SHARED", nodes=[one, two])
    make_policy("Not the first", nodes=nodes[1:])
    target = WebhookTarget.objects.create(name="Second", url="http://192.0.2.1/")
    target.nodes.set([two])
    assert lines(one) == [
        ("Rule", "Only the first", "yes", "none"),
        ("Destination", "SHARED", "yes", "only node1"),
        ("Purge policy", "Not the first", "no", "only node1, node2, node3 and 2 more"),
        ("Webhook", "Second", "no", "only node1"),
    ]
    page = alice_client.get(f"/nodes/{one.pk}/").content.decode()
    assert re.search(rf'href="/rules/{rule.pk}/">Only the first</a>', page)


def test_versions_and_settings_are_compared_with_the_most_common_ones() -> None:
    usual = {"status": {"settings": {"StableAge": 60, "SaveJobs": True}}, "plugin_version": "2"}
    attached("a", **usual, orthanc_version="1.12.7")
    attached("b", **usual, orthanc_version="1.12.7")
    attached("c", **usual, orthanc_version="1.10.1")
    odd = attached(
        "odd",
        status={"settings": {"StableAge": 1, "SaveJobs": True}},
        plugin_version="2",
        orthanc_version="1.10.1",
    )
    assert lines(odd) == [
        ("Version of Orthanc", "", "1.10.1", "1.12.7 on 2 of 3"),
        ("StableAge", "", "1", "60 on 3 of 3"),
    ]


def test_a_warning_that_most_others_have_is_no_difference() -> None:
    common, own = {"code": "save_jobs", "message": ""}, {"code": "clock", "message": ""}
    attached("a", warnings=[common])
    attached("b", warnings=[common])
    node = attached("c", warnings=[common, own])
    assert lines(node) == [("Warning", "clock", "yes", "on 0 of 2")]
