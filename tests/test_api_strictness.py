from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

LISTS = ("nodes", "destinations", "rules", "studies", "deliveries", "audit-events")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_refuses_a_filter_that_it_does_not_know(charlie_api: APIClient, name: str) -> None:
    answer = charlie_api.get(f"/api/v1/{name}/?stat=failed")
    assert answer.status_code == 400
    assert list(answer.json()) == ["stat"]
    assert answer.json()["stat"][0].startswith("There is no such filter. There are: ")


def test_it_names_the_filters_that_there_are(charlie_api: APIClient) -> None:
    answer = charlie_api.get("/api/v1/studies/?limit=5")
    (message,) = answer.json()["limit"]
    assert {"page_size", "cursor"} <= set(message[:-1].replace(",", "").split())


@pytest.mark.parametrize("name", LISTS)
def test_the_size_of_a_page_can_be_chosen(charlie_api: APIClient, name: str) -> None:
    assert charlie_api.get(f"/api/v1/{name}/?page_size=2&format=json").status_code == 200


@pytest.mark.django_db
def test_an_address_that_is_not_there_is_answered_in_json() -> None:
    answer = Client().get("/api/v1/nope/")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is nothing at this address."
    assert answer.json()["request_id"]
