"""Deliveries in the browser."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.nodes.models import Command, Node
from routing.models import Act, Attempt, Delivery, Destination
from tests.factories import make_delivery, make_modality, make_node, make_study

LIVE = {"HX-Request": "true"}


@pytest.fixture
def node(db: None) -> Node:
    return make_node("main", online=True)[0]


@pytest.fixture
def pacs(db: None) -> Destination:
    return make_modality("PACS")


def test_a_failed_delivery_shows_the_error_its_meaning_and_what_to_do(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    delivery = make_delivery(make_study(node), pacs, state="failed", reason="gave_up", attempts=1)
    started = timezone.now()
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=started,
        finished_at=started + timedelta(seconds=14),
        job_id="0f6d3a4e-0000-0000-0000-000000000000",
        outcome="failed",
        error="TCP Initialization Error: Connection refused",
        error_code=9,
    )
    page = charlie_client.get(f"/deliveries/{delivery.pk}/").content.decode()
    for words in (
        "TCP Initialization Error: Connection refused",
        "Nothing listens at 192.0.2.7:104.",
        "Check that the destination runs",
        "took 14 s",
        "0f6d3a4e-0000-0000-0000-000000000000",
        "Failed",
    ):
        assert words in page


def test_tabs_count_what_the_other_filters_leave(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    study = make_study(node)
    for state in ("failed", "failed", "delivered", "waiting", "held", "skipped"):
        make_delivery(study, pacs, state=state)
    make_delivery(study, make_modality("ELSEWHERE"), state="failed")
    page = charlie_client.get(f"/deliveries/?destination={pacs.pk}&state=failed").content.decode()
    tabs = page.split('<ul class="tabs">')[1].split("</ul>")[0]
    counts = [part.split("</span>")[0] for part in tabs.split('<span class="muted">')[1:]]
    assert counts == ["6", "2", "2", "1", "1"]
    assert page.count('href="/studies/') - page.count('href="/studies/"') == 2


def test_the_live_part_comes_alone_and_is_kept_by_no_cache(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    make_delivery(make_study(node), pacs)
    whole, part = (charlie_client.get("/deliveries/", headers=each) for each in ({}, LIVE))
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert part.content.decode() in whole.content.decode()
    assert "HX-Request" in part.headers["Vary"]
    assert "no-store" in part.headers["Cache-Control"]


@pytest.mark.parametrize(("act", "state"), [("retry", "failed"), ("cancel", "waiting")])
def test_chosen_deliveries_become_a_command_to_their_node(
    act: str, state: str, bob_client: Client, node: Node, pacs: Destination
) -> None:
    chosen = make_delivery(make_study(node), pacs, state=state)
    make_delivery(make_study(node), pacs, state=state)
    response = bob_client.post(
        "/deliveries/chosen/",
        {"act": act, "chosen": [str(chosen.pk)], "next": "/deliveries/?state=failed"},
    )
    assert response.headers["Location"] == "/deliveries/?state=failed"
    command = Command.objects.get()
    assert (command.kind, command.node) == (act, node)
    assert command.data == {"deliveries": [str(chosen.pk)]}


def test_what_cannot_be_done_is_said_with_the_reason(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    done = make_delivery(make_study(node), pacs, state="delivered")
    page = bob_client.post(
        "/deliveries/chosen/", {"act": "cancel", "chosen": [str(done.pk)]}, follow=True
    ).content.decode()
    assert "It is delivered already." in page
    assert not Command.objects.exists()


def test_a_node_that_is_offline_is_named(bob_client: Client, pacs: Destination) -> None:
    node, _secret = make_node("gateway")
    failed = make_delivery(make_study(node), pacs, state="failed")
    page = bob_client.post(
        "/deliveries/chosen/", {"act": "retry", "chosen": [str(failed.pk)]}, follow=True
    ).content.decode()
    assert f'<a href="/acts/{Act.objects.get().pk}/">What came of it</a>' in page
    assert "gateway" in page
    assert "when back" in page


@pytest.mark.parametrize("data", [{"act": "explode"}, {"act": "retry", "chosen": ["x"]}])
def test_a_made_up_act_or_identifier_is_not_found(data: dict[str, str], bob_client: Client) -> None:
    assert bob_client.post("/deliveries/chosen/", data).status_code == 404


def test_it_never_leads_to_another_site(bob_client: Client) -> None:
    response = bob_client.post(
        "/deliveries/chosen/", {"act": "retry", "next": "https://evil.example/"}
    )
    assert response.headers["Location"] == "/deliveries/"


def test_all_that_match_are_counted_before_anything_happens(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    other = make_modality("OTHER")
    for number in range(3):
        make_delivery(make_study(node), pacs, state="failed")
        make_delivery(make_study(node), other, state="failed")
        make_delivery(make_study(node), pacs, state="delivered", id=uuid.UUID(int=number))
    address = f"/deliveries/all/retry/?destination={pacs.pk}"
    page = bob_client.get(address).content.decode()
    assert "Retry 3 deliveries?" in page
    assert "Destination: PACS" in page
    assert "3 others that match are left as they are" in page
    assert not Command.objects.exists()
    response = bob_client.post(address)
    assert response.headers["Location"] == f"/acts/{Act.objects.get().pk}/"
    asked = Command.objects.get().data["deliveries"]
    expected = Delivery.objects.filter(destination=pacs, state="failed")
    assert sorted(asked) == sorted(str(each.pk) for each in expected)


def test_nothing_to_retry_offers_no_button(bob_client: Client) -> None:
    page = bob_client.get("/deliveries/all/retry/").content.decode()
    assert "Retry 0 deliveries?" in page
    assert page.split("form-actions")[1].count("<button") == 0


def test_a_filter_that_cannot_be_read_retries_nothing(
    bob_client: Client, node: Node, pacs: Destination
) -> None:
    make_delivery(make_study(node), pacs, state="failed")
    bob_client.post("/deliveries/all/retry/?search=~broken")
    assert not Command.objects.exists()


def test_pages_of_fifty_follow_each_other_without_a_gap(
    charlie_client: Client, node: Node, pacs: Destination
) -> None:
    study = make_study(node)
    made = {str(make_delivery(study, pacs).pk) for _number in range(60)}
    first = charlie_client.get("/deliveries/").content.decode()
    older = first.split('class="pager"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = charlie_client.get(f"/deliveries/{older}").content.decode()
    seen = [{pk for pk in made if f'id="state-{pk}"' in page} for page in (first, second)]
    assert [len(each) for each in seen] == [50, 10]
    assert seen[0] | seen[1] == made
