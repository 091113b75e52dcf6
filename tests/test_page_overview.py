"""The overview: is something wrong, and what to do first."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.nodes.models import Node
from routing.models import Lane
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study


def gauges(page: str) -> dict[str, tuple[str, str]]:
    """Name of a figure -> (value, address of its list)."""
    found = re.findall(
        r'class="gauge" href="([^"]*)">\s*<span class="gauge-name">([^<]*)</span>\s*'
        r'<span class="gauge-value">(.*?)</span>\s*<span class="gauge-note">',
        page,
        re.DOTALL,
    )
    return {
        name: (re.sub(r"<[^>]*>", "", value).strip(), address.replace("&amp;", "&"))
        for address, name, value in found
    }


@pytest.mark.parametrize("step", ["nothing", "node", "destination", "rule", "delivery"])
def test_the_checklist_leads_from_an_empty_console_to_the_first_delivery(
    step: str, alice_client: Client
) -> None:
    steps = ["nothing", "node", "destination", "rule", "delivery"]
    reached = steps.index(step)
    if reached >= 1:
        node, _secret = make_node("main", online=True)
    if reached >= 2:
        destination = make_modality("PACS")
    if reached >= 3:
        make_rule(destinations=[destination])
    if reached >= 4:
        make_delivery(make_study(node), destination)
    page = alice_client.get("/").content.decode()
    if step == "delivery":
        assert "Get the first study forwarded" not in page
        return
    assert page.count('<span class="done">') == reached
    button = ["/nodes/new/", "/destinations/new/", "/rules/everything/", ""][reached]
    assert button == "" or f'href="{button}"' in page


def test_a_viewer_sees_the_checklist_without_buttons(charlie_client: Client) -> None:
    page = charlie_client.get("/").content.decode()
    assert "Get the first study forwarded" in page
    assert 'href="/nodes/new/"' not in page


def test_each_figure_opens_the_list_that_it_counts(charlie_client: Client) -> None:
    node, _secret = make_node(online=True)
    pacs = make_modality()
    study = make_study(node)
    now, long_ago = timezone.now(), timezone.now() - timedelta(days=3)
    for state, changed in (
        ("waiting", now),
        ("sending", long_ago),
        ("held", now),
        ("failed", now),
        ("failed", now),
        ("failed", long_ago),
        ("delivered", now),
        ("verified", now),
        ("delivered", long_ago),
    ):
        make_delivery(study, pacs, state=state, state_changed_at=changed, created_at=long_ago)
    found = gauges(charlie_client.get("/").content.decode())
    expected = {"On the way": "3", "Failed in 24 h": "2", "Delivered in 24 h": "2"}
    for name, count in expected.items():
        value, address = found[name]
        assert value == count
        rows = charlie_client.get(address).content.decode().count('id="state-')
        assert rows == int(count), name


def test_what_is_wrong_is_named_with_a_link(charlie_client: Client) -> None:
    node, _secret = make_node("gateway")
    node.last_seen_at = timezone.now() - timedelta(hours=2)
    node.warnings = [{"code": "x", "message": "y"}]
    node.save()
    lost = make_modality("LOST", gone_at=timezone.now())
    Lane.objects.create(node=node, destination=lost, state="held", waiting=2)
    failing, paused = make_modality("TELERAD"), make_modality("MAMMO", paused=True)
    Lane.objects.create(node=node, destination=failing, state="failing", last_error="refused")
    page = charlie_client.get("/").content.decode()
    attention = page.split('id="troubles"')[1].split("</ul>")[0]
    for words in (
        "gateway does not call the console",
        "gateway has 1 warning",
        "TELERAD does not take studies: refused",
        "MAMMO is paused",
        "LOST is not in its Orthanc any more, and studies wait for it",
        f'href="/destinations/{lost.pk}/"',
        f'href="/nodes/{node.pk}/"',
        f'href="/destinations/{failing.pk}/"',
        f'href="/destinations/{paused.pk}/"',
    ):
        assert words in attention


def test_a_node_that_was_never_attached_is_named_once_there_was_time_to(
    charlie_client: Client,
) -> None:
    forgotten, _secret = make_node("archive")
    make_node("new")
    Node.objects.filter(pk=forgotten.pk).update(created_at=timezone.now() - timedelta(hours=2))
    page = charlie_client.get("/").content.decode()
    attention = page.split('id="troubles"')[1].split("</ul>")[0]
    assert "archive has never called the console" in attention
    assert f'href="/nodes/{forgotten.pk}/"' in attention
    assert "new has never" not in attention


def test_when_all_is_well_nothing_asks_for_attention(charlie_client: Client) -> None:
    node, _secret = make_node(online=True)
    make_rule(destinations=[make_modality()])
    make_study(node)
    assert "Needs attention" not in charlie_client.get("/").content.decode()


def test_a_failing_destination_is_said_in_plain_words(charlie_client: Client) -> None:
    node, _secret = make_node(online=True)
    refused = "Error in the network protocol: TCP Initialization Error: Connection refused"
    Lane.objects.create(
        node=node, destination=make_modality("PACS"), state="failing", last_error=refused
    )
    page = charlie_client.get("/").content.decode()
    assert "PACS does not take studies: Nothing listens at 192.0.2.7:104." in page
