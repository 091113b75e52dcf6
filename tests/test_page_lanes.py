"""Lanes in the browser: what each node sends where, what waits, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command, Node
from routing.models import Act, Destination, Lane
from tests.factories import make_delivery, make_modality, make_node, make_study, minutes_ago

REFUSED = 'DicomAssociation - connecting to AET "PACS": DUL Association Rejected'


@pytest.fixture
def node(db: None) -> Node:
    node, _secret = make_node("main", online=True)
    node.status = {"dicom_aet": "ORTHANC_MAIN"}
    node.save()
    return node


@pytest.fixture
def pacs(db: None) -> Destination:
    return make_modality("PACS")


def lane(node: Node, destination: Destination, **values: object) -> Lane:
    return Lane.objects.create(node=node, destination=destination, **values)


def main_part(client: Client, query: str = "") -> str:
    page: str = client.get(f"/lanes/{query}").content.decode()
    return page.split('<section id="live"')[1]


def test_a_lane_shows_what_is_in_flight_and_how_far_it_is(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs, state="sending", in_flight=2, progress=[80, 35], waiting=7)
    page = main_part(charlie_client)
    for words in (
        '<progress value="80" max="100">',
        '<progress value="35"',
        "2 deliveries",
        "main",
    ):
        assert words in page
    query = f"destination={pacs.pk}&amp;node={node.pk}&amp;state="
    assert f"/deliveries/?{query}waiting,held" in page
    assert f"/deliveries/?{query}sending" in page


def test_a_failing_lane_says_what_is_wrong_and_what_to_do(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs, state="failing", breaker="open", last_error=REFUSED, waiting=3)
    page = main_part(charlie_client)
    for words in (
        "Failing",
        "Nothing is sent until it answers",
        "refused to talk to Orthanc",
        "Add the AE title ORTHANC_MAIN to its list",
        "DUL Association Rejected",
    ):
        assert words in page


def test_throughput_is_that_of_the_last_hour(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs, last_success_at=timezone.now())
    study = make_study(node, instance_count=200, size_bytes=200 * 1024**2)
    for minutes, count in ((10, 200), (20, 50), (90, 200)):
        make_delivery(
            study,
            pacs,
            state="delivered",
            delivered_count=count,
            delivered_at=minutes_ago(minutes),
        )
    page = main_part(charlie_client)
    assert "2 deliveries" in page
    assert "250 images" in page
    assert "250 MiB" in page


def test_a_study_without_size_or_images_counts_no_bytes(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs)
    for values in ({"instance_count": 0, "size_bytes": 10}, {"instance_count": 5}):
        study = make_study(node, **values)
        make_delivery(
            study, pacs, state="delivered", delivered_count=5, delivered_at=minutes_ago(1)
        )
    page = main_part(charlie_client)
    assert "10 images" in page
    assert "MiB" not in page


def test_failures_are_counted_for_their_own_lane(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    other = make_modality("OTHER")
    lane(node, pacs, waiting=3)
    lane(node, other)
    study, now = make_study(node), timezone.now()
    for state, values in (
        ("waiting", {"last_error": "no answer"}),
        ("waiting", {}),
        ("failed", {"state_changed_at": now}),
        ("failed", {"state_changed_at": now - timedelta(days=2)}),
    ):
        make_delivery(study, pacs, state=state, **values)
    page = main_part(charlie_client)
    assert page.count("1 after a failure") == 1
    assert page.count("1 failed in 24 h") == 1
    assert "Retry…" not in page


def test_an_operator_retries_what_failed_in_a_lane(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs, waiting=1)
    make_delivery(make_study(node), pacs, state="waiting", last_error="no answer")
    address = f"/deliveries/all/retry/?destination={pacs.pk}&node={node.pk}&state=waiting,failed"
    assert address.replace("&", "&amp;") in main_part(bob_client)
    assert "Retry 1 delivery?" in bob_client.get(address).content.decode()


def test_a_lane_of_a_node_that_is_offline_says_how_old_it_is(
    charlie_client: Client, pacs: Destination
) -> None:
    node, _secret = make_node("gateway")
    node.last_seen_at = minutes_ago(5)
    node.save()
    lane(node, pacs)
    page = " ".join(main_part(charlie_client).split())
    assert "offline, as of" in page and "5 min ago" in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"paused": True}, "paused"),
        ({"enabled": False}, "switched off"),
        ({"hours": "mon-fri 22:00-06:00"}, "outside its hours: Monday to Friday from 22:00"),
    ],
)
def test_a_held_lane_says_why(
    values: dict[str, object], words: str, charlie_client: Client, node: Node
) -> None:
    lane(node, make_modality("PACS", **values), state="held", waiting=1)
    assert words in " ".join(main_part(charlie_client).split())


def test_filters_choose_lanes(charlie_client: Client, node: Node, pacs: Destination) -> None:
    other, _secret = make_node("gateway")
    lane(node, pacs, state="failing")
    lane(other, pacs)
    assert "gateway" not in main_part(charlie_client, f"?node={node.pk}")
    assert "gateway" not in main_part(charlie_client, "?state=failing")
    assert "No lane matches" in main_part(charlie_client, "?state=held")


def test_lanes_of_destinations_that_are_gone_are_not_shown(
    charlie_client: Client, node: Node
) -> None:
    gone = lane(node, make_modality("PACS", gone_at=timezone.now()))
    assert "No lane yet" in main_part(charlie_client)
    gone.state, gone.waiting = "held", 3
    gone.save()
    assert "not in Orthanc any more" in main_part(charlie_client)


def test_pausing_leads_back_to_the_lanes(bob_client: Client, node: Node, pacs: Destination) -> None:
    lane(node, pacs)
    address = f"/destinations/{pacs.pk}/pause/"
    assert address in main_part(bob_client)
    response = bob_client.post(address, {"next": "/lanes/?state=idle"})
    assert response.headers["Location"] == "/lanes/?state=idle"
    assert "Resume" in main_part(bob_client)


def test_an_echo_is_asked_of_the_node_of_the_lane(
    bob_client: Client, pacs: Destination, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, _secret = make_node("a-first-by-name", online=True)
    monkeypatch.setattr("routing.services.destinations.ECHO_SECONDS", 0)
    bob_client.post(f"/destinations/{pacs.pk}/echo/", {"node": node.pk})
    assert Command.objects.get().node == node != other


def test_draining_says_first_how_much_that_is(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    lane(node, pacs, waiting=2)
    other, _secret = make_node("gateway")
    for state in ("waiting", "held", "sending", "delivered"):
        make_delivery(make_study(node), pacs, state=state)
    make_delivery(make_study(other), pacs, state="waiting")
    address = f"/destinations/{pacs.pk}/drain/?node={node.pk}"
    assert address in main_part(bob_client)
    page = bob_client.get(address).content.decode()
    assert "Cancel 2 deliveries that wait in main for PACS?" in page
    assert not Command.objects.exists()
    assert "Cancel 3 deliveries that wait for PACS?" in (
        bob_client.get(f"/destinations/{pacs.pk}/drain/").content.decode()
    )


def test_draining_cancels_what_waits_and_nothing_else(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    waiting = make_delivery(make_study(node), pacs, state="waiting")
    held = make_delivery(make_study(node), pacs, state="held")
    make_delivery(make_study(node), pacs, state="sending")
    make_delivery(make_study(node), make_modality("OTHER"), state="waiting")
    response = bob_client.post(f"/destinations/{pacs.pk}/drain/?node={node.pk}")
    command = Command.objects.get()
    assert command.kind == "cancel"
    assert set(command.data["deliveries"]) == {str(waiting.pk), str(held.pk)}
    assert response.headers["Location"] == f"/acts/{Act.objects.get().pk}/"
    drained = AuditEvent.objects.get(verb="destination.drained")
    assert (drained.object_name, drained.message) == ("PACS", "2 deliveries of main")


def test_nothing_to_drain_offers_no_button(bob_client: Client, pacs: Destination) -> None:
    page = bob_client.get(f"/destinations/{pacs.pk}/drain/").content.decode()
    assert "Nothing waits there." in page
    assert page.split("form-actions")[1].count("<button") == 0
