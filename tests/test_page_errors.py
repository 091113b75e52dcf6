"""Pages that say what went wrong, with the number under which the log has the cause."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from django.db import DatabaseError
from django.test import Client

from orthanc_console.dashboard import views


def request_number(page: str) -> str:
    found = re.search(r'data-copy="([0-9a-f-]{36})"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_unknown_address_leads_back(
    signed_in: bool, client: Client, charlie_client: Client
) -> None:
    response = (charlie_client if signed_in else client).get("/there-is-nothing/")
    page = response.content.decode()
    assert response.status_code == 404
    assert "There is no such page" in page
    assert request_number(page) == response.headers["X-Request-Id"]
    assert ('class="rail"' in page) is signed_in


def test_a_refusal_names_the_role_that_is_needed_and_the_one_that_one_has(
    charlie_client: Client,
) -> None:
    page = charlie_client.get("/users/").content.decode()
    assert "This needs the role administrator." in page
    assert "charlie" in page
    assert "Viewer" in page


def test_a_broken_database_still_gives_a_page(charlie_client: Client) -> None:
    charlie_client.raise_request_exception = False
    with mock.patch.object(views.state, "figures", side_effect=DatabaseError("gone")):
        response = charlie_client.get("/")
    page = response.content.decode()
    assert response.status_code == 500
    assert "Something broke in the console" in page
    assert "studies are forwarded as before" in page
    assert request_number(page) == response.headers["X-Request-Id"]
    assert "gone" not in page


def test_a_request_that_cannot_be_understood_is_said(
    charlie_client: Client, settings: object
) -> None:
    response = charlie_client.get("/", headers={"Host": "evil example"})
    assert response.status_code == 400
