"""Destinations in the browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command
from routing.models import Destination, Lane
from routing.services import destinations as services
from tests.factories import make_found, make_modality, make_node, make_rule

MODALITY = {
    **{"name": "PACS", "kind": "modality", "aet": "PACS", "host": "192.0.2.1", "port": "104"},
    **{"verify": "none", "max_in_flight": "2", "enabled": "on"},
}
PEER = {
    **{"name": "other", "kind": "peer", "url": "https://192.0.2.1:8042/", "username": "u"},
    **{"password": "hush", "verify": "none", "max_in_flight": "2", "enabled": "on"},
}


@pytest.mark.parametrize("values", [MODALITY, PEER])
def test_it_makes_a_destination(values: dict[str, str], alice_client: Client) -> None:
    response = alice_client.post("/destinations/new/", values)
    made = Destination.objects.get()
    assert response.headers["Location"] == f"/destinations/{made.pk}/"
    assert (made.name, made.kind, made.source) == (values["name"], values["kind"], "console")
    assert AuditEvent.objects.get().verb == "destination.created"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "has spaces"}, "Orthanc accepts only letters"),
        ({"port": "70000"}, "less than or equal to 65535"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"aet": "longer than sixteen"}, "at most 16"),
        ({"host": ""}, "Needed for this kind of destination"),
        ({"host": "http://pacs"}, "without a scheme"),
        ({"max_in_flight": "99"}, "less than or equal to 16"),
    ],
)
def test_a_wrong_value_is_said_and_nothing_is_lost(
    change: dict[str, str], message: str, alice_client: Client
) -> None:
    page = alice_client.post("/destinations/new/", {**MODALITY, **change}).content.decode()
    assert "Nothing was saved" in page
    assert message in page
    assert not Destination.objects.exists()
    for name in ("name", "aet", "host"):
        assert f'value="{({**MODALITY, **change})[name]}"' in page or not change.get(name, "x")


def test_an_empty_field_is_said_once(alice_client: Client) -> None:
    page = alice_client.post("/destinations/new/", {**MODALITY, "port": "x"}).content.decode()
    assert "Enter a whole number" in page
    assert "Needed for this kind" not in page


def test_two_with_one_name_are_refused(alice_client: Client) -> None:
    make_modality("PACS")
    page = alice_client.post("/destinations/new/", MODALITY).content.decode()
    assert "There is such a destination already" in page


def test_an_empty_password_keeps_the_stored_one(alice_client: Client) -> None:
    alice_client.post("/destinations/new/", PEER)
    made = Destination.objects.get()
    alice_client.post(f"/destinations/{made.pk}/edit/", {**PEER, "password": "", "username": "v"})
    made.refresh_from_db()
    assert (made.username, made.password) == ("v", "hush")


def test_a_password_can_be_removed_and_is_never_shown(alice_client: Client) -> None:
    alice_client.post("/destinations/new/", PEER)
    made = Destination.objects.get()
    edit = f"/destinations/{made.pk}/edit/"
    assert b"hush" not in alice_client.get(edit).content
    alice_client.post(edit, {**PEER, "password": "", "forget_password": "on"})
    made.refresh_from_db()
    assert made.password == ""


def test_of_a_found_destination_only_its_use_can_be_changed(alice_client: Client) -> None:
    node, _secret = make_node()
    found = make_found(node)
    edit = f"/destinations/{found.pk}/edit/"
    page = alice_client.get(edit).content.decode()
    assert "stands in Orthanc&#x27;s own configuration" in page or "own configuration" in page
    assert 'name="host"' not in page
    alice_client.post(edit, {"verify": "count", "max_in_flight": "4", "host": "elsewhere"})
    found.refresh_from_db()
    assert (found.verify, found.max_in_flight, found.enabled) == ("count", 4, False)
    assert found.host == "192.0.2.7"
    assert list(found.nodes.all()) == [node]


def test_it_is_paused_and_resumed(bob_client: Client) -> None:
    destination = make_modality()
    for act, paused in (("pause", True), ("resume", False)):
        bob_client.post(f"/destinations/{destination.pk}/{act}/")
        destination.refresh_from_db()
        assert destination.paused is paused


def test_a_destination_that_rules_use_names_them_and_stays(alice_client: Client) -> None:
    destination = make_modality()
    make_rule("CT to PACS", destinations=[destination])
    address = f"/destinations/{destination.pk}/delete/"
    page = alice_client.get(address).content.decode()
    assert "CT to PACS" in page
    assert 'class="btn btn-delete"' not in page
    assert "CT to PACS" in alice_client.post(address).content.decode()
    assert Destination.objects.exists()


def test_an_unused_destination_is_deleted_after_a_question(alice_client: Client) -> None:
    destination = make_modality("OLD")
    address = f"/destinations/{destination.pk}/delete/"
    assert b"Delete OLD" in alice_client.get(address).content
    assert Destination.objects.exists()
    assert alice_client.post(address).headers["Location"] == "/destinations/"
    assert not Destination.objects.exists()


def test_echo_shows_answer_time_and_words(
    bob_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = make_modality("PACS")
    make_node("main", online=True)

    def answer(command: Command, seconds: float) -> Command:
        command.finished_at = command.created_at
        command.ok, command.detail, command.result = True, "echo succeeded", {"milliseconds": 12}
        return command

    monkeypatch.setattr(services.nodes_services, "wait_for", answer)
    response = bob_client.post(
        f"/destinations/{destination.pk}/echo/", headers={"HX-Request": "true"}
    )
    page = response.content.decode()
    assert "PACS answered in 12 ms." in page
    assert "Asked by main." in page
    assert "echo succeeded" in page
    assert "<html" not in page


def test_echo_without_any_node_says_so_and_works_without_scripts(bob_client: Client) -> None:
    destination = make_modality("PACS")
    page = bob_client.post(f"/destinations/{destination.pk}/echo/").content.decode()
    assert "The echo to PACS failed." in page
    assert "is online, so nothing was tried" in page
    assert "<html" in page


@pytest.mark.parametrize(
    ("values", "lane", "word"),
    [
        ({}, {"state": "failing", "last_error": "refused"}, "Failing"),
        ({}, {"problem": "Orthanc refuses the name."}, "Failing"),
        ({"paused": True}, {}, "Paused"),
        ({"enabled": False}, {}, "Switched off"),
        ({}, {}, "Not used yet"),
    ],
)
def test_the_list_tells_how_each_destination_does(
    values: dict[str, Any], lane: dict[str, str], word: str, charlie_client: Client
) -> None:
    node, _secret = make_node()
    destination = make_modality(**values)
    Lane.objects.create(node=node, destination=destination, **lane)
    page = charlie_client.get("/destinations/").content.decode()
    assert word in page
    assert (lane.get("problem") or lane.get("last_error") or "") in page


def test_an_empty_list_tells_what_to_do_next(alice_client: Client, charlie_client: Client) -> None:
    assert b'href="/nodes/new/"' in alice_client.get("/destinations/").content
    assert b'href="/nodes/new/"' not in charlie_client.get("/destinations/").content


REJECTED = 'DicomAssociation - connecting to AET "PACS": DUL Association Rejected'


def test_its_last_error_is_explained_with_whom_to_enter_where(charlie_client: Client) -> None:
    node, _secret = make_node()
    node.status = {"dicom_aet": "ORTHANC_MAIN"}
    node.save()
    pacs = make_modality("PACS")
    Lane.objects.create(node=node, destination=pacs, state="failing", last_error=REJECTED)
    page = charlie_client.get(f"/destinations/{pacs.pk}/").content.decode()
    assert "refused to talk to Orthanc" in page
    assert "Add the AE title ORTHANC_MAIN to its list" in page


def test_an_echo_that_fails_is_explained(
    bob_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, _secret = make_node("main", online=True)
    node.status = {"dicom_aet": "ORTHANC_MAIN"}
    node.save()
    pacs = make_modality("PACS")
    result = services.EchoResult(False, 12, REJECTED, "main")
    monkeypatch.setattr("routing.services.destinations.echo", lambda *_arguments: result)
    page = bob_client.post(f"/destinations/{pacs.pk}/echo/").content.decode()
    assert "DUL Association Rejected" in page
    assert "Add the AE title ORTHANC_MAIN to its list" in page
