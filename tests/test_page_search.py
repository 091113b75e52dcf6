"""What people search for stays out of addresses; filters are the address otherwise."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from orthanc_console.fields import decrypt
from tests.factories import make_delivery, make_modality, make_node, make_study


def test_a_search_is_encrypted_in_the_address(charlie_client: Client) -> None:
    response = charlie_client.post("/search/", {"list": "studies", "search": "Krankenstein"})
    address = urlsplit(response.headers["Location"])
    assert address.path == "/studies/"
    (token,) = parse_qs(address.query)["search"]
    assert token.startswith("~")
    assert decrypt(token[1:]) == "Krankenstein"


def test_the_list_shows_what_was_searched_for(charlie_client: Client) -> None:
    node, _secret = make_node()
    make_study(node, patient_name="Krankenstein^Viktor", study_description="wanted")
    make_study(node, study_description="other")
    page = charlie_client.post(
        "/search/", {"list": "studies", "search": " krankenstein "}, follow=True
    ).content.decode()
    assert "wanted" in page
    assert "other" not in page
    assert 'value="krankenstein"' in page


@pytest.mark.parametrize("what", ["P-77", "ACC9", "1.2.3.99", "Doe Jane"])
def test_studies_are_found_by_any_of_their_identifiers(what: str, charlie_client: Client) -> None:
    node, _secret = make_node()
    make_study(
        node,
        patient_id="P-77",
        accession_number="ACC9",
        study_instance_uid="1.2.3.99",
        patient_name="Doe^Jane",
        study_description="wanted",
    )
    page = charlie_client.post("/search/", {"list": "studies", "search": what}, follow=True)
    assert "wanted" in page.content.decode()


def test_searching_again_keeps_the_words_that_are_encrypted_already(charlie_client: Client) -> None:
    first = charlie_client.post("/search/", {"list": "deliveries", "search": "x"})
    (token,) = parse_qs(urlsplit(first.headers["Location"]).query)["search"]
    again = charlie_client.post("/search/", {"list": "deliveries", "search": token})
    assert parse_qs(urlsplit(again.headers["Location"]).query)["search"] == [token]


def test_empty_filters_leave_no_trace_in_the_address(charlie_client: Client) -> None:
    response = charlie_client.post(
        "/search/", {"list": "deliveries", "search": "", "node": "", "state": "failed"}
    )
    assert response.headers["Location"] == "/deliveries/?state=failed"


def test_a_search_that_cannot_be_read_is_said_and_nothing_is_shown(charlie_client: Client) -> None:
    node, _secret = make_node()
    make_study(node, study_description="some study")
    page = charlie_client.get("/studies/?search=~broken").content.decode()
    assert "This link to a search cannot be read here" in page
    assert "some study" not in page


def test_only_lists_that_are_known_can_be_searched(charlie_client: Client) -> None:
    assert charlie_client.post("/search/", {"list": "//evil.example"}).status_code == 404


def test_an_active_filter_can_be_taken_away_by_its_chip(charlie_client: Client) -> None:
    node, _secret = make_node("main")
    make_delivery(make_study(node), make_modality(), state="failed")
    page = charlie_client.get(f"/deliveries/?state=failed&node={node.pk}").content.decode()
    assert 'href="?state=failed"' in page
    assert f'href="?node={node.pk}"' in page
    assert "Node: main" in page


def test_a_filter_with_a_wrong_value_is_said(charlie_client: Client) -> None:
    page = charlie_client.get("/deliveries/?created_after=yesterday").content.decode()
    assert "The list is empty because a filter cannot be used" in page
