"""Nodes in the browser, and how an Orthanc is attached."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from orthanc_console.agent.models import Event
from orthanc_console.nodes.attach import Instructions
from orthanc_console.nodes.models import Node
from routing.models import Lane
from tests.factories import (
    make_delivery,
    make_found,
    make_modality,
    make_node,
    make_rule,
    make_study,
)


def test_a_new_node_shows_its_token_once_inside_the_lines_to_paste(alice_client: Client) -> None:
    response = alice_client.post("/nodes/new/", {"name": "main"})
    page = response.content.decode()
    secret = re.search(r"ocn_[\w-]{40,}", page)
    assert secret is not None
    assert "no-store" in response.headers["Cache-Control"]
    for part in ("/etc/orthanc/python.json", "ORTHANC__PYTHON_SCRIPT", "systemctl restart"):
        assert part in page
    node = Node.objects.get()
    assert secret[0] not in alice_client.get(f"/nodes/{node.pk}/").content.decode()
    zip_ = Client().get("/agent/plugin.zip", headers={"Authorization": f"Bearer {secret[0]}"})
    assert zip_.status_code == 200


def test_a_name_that_is_taken_makes_no_second_node(alice_client: Client) -> None:
    make_node("main")
    page = alice_client.post("/nodes/new/", {"name": "main"}).content.decode()
    assert "already exists" in page
    assert Node.objects.count() == 1


def test_the_attach_page_turns_green_by_itself(alice_client: Client) -> None:
    node, _secret = make_node("main")
    waiting = alice_client.get(f"/nodes/{node.pk}/state/").content.decode()
    assert "Waiting for the first call" in waiting
    assert f'hx-get="/nodes/{node.pk}/state/"' in waiting
    node.last_seen_at, node.orthanc_version = timezone.now(), "1.12.7"
    node.save()
    there = alice_client.get(f"/nodes/{node.pk}/state/").content.decode()
    assert "main is attached: Orthanc 1.12.7" in there
    assert "hx-get" not in there


@pytest.mark.parametrize(
    ("console", "warned"),
    [("http://localhost:8000", True), ("http://127.0.0.1", True), ("https://c.example", False)],
)
def test_an_address_that_only_the_console_itself_can_use_is_told(
    console: str, warned: bool
) -> None:
    assert Instructions(console, "ocn_x", f"{console}/agent/plugin.zip").loopback is warned


def test_the_configuration_to_paste_is_json_with_the_settings_of_the_plugin() -> None:
    instructions = Instructions("https://c.example", "ocn_x", "https://c.example/agent/plugin.zip")
    other = json.loads(instructions.other_settings)
    assert other["OrthancConsole"] == {"Url": "https://c.example", "Token": "ocn_x"}
    assert other["PythonScript"].endswith("/orthanc-plugin.py")
    debian = json.loads(instructions.debian_settings.split("'END'\n")[1].removesuffix("\nEND"))
    assert debian["OrthancConsole"]["StateDirectory"].startswith("/var/lib/orthanc/")


def test_the_lines_for_docker_are_one_mount_and_two_variables() -> None:
    instructions = Instructions("https://c.example", "ocn_x", "https://c.example/agent/plugin.zip")
    service = yaml.safe_load(instructions.compose)["services"]["orthanc"]
    assert len(service["environment"]) == 2
    section = json.loads(service["environment"]["ORTHANC__ORTHANC_CONSOLE"])
    assert section == {"Url": "https://c.example", "Token": "ocn_x"}


def test_a_new_token_replaces_the_old_one(alice_client: Client) -> None:
    node, old = make_node("main")
    page = alice_client.post(f"/nodes/{node.pk}/token/").content.decode()
    assert "ocn_" in page
    answer = Client().get("/agent/plugin.zip", headers={"Authorization": f"Bearer {old}"})
    assert answer.status_code == 401


def test_revoking_says_what_it_means_and_then_refuses(alice_client: Client) -> None:
    node, secret = make_node("main")
    assert b"goes on forwarding" in alice_client.get(f"/nodes/{node.pk}/revoke/").content
    alice_client.post(f"/nodes/{node.pk}/revoke/")
    answer = Client().get("/agent/plugin.zip", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert b"Token revoked" in alice_client.get("/nodes/").content


def test_deleting_says_how_much_history_goes(alice_client: Client) -> None:
    node, _secret = make_node("main")
    make_found(node)
    study = make_study(node)
    for _number in range(2):
        make_delivery(study, make_modality())
    page = alice_client.get(f"/nodes/{node.pk}/delete/").content.decode()
    assert "1 study and 2 deliveries" in page
    assert "1 destination that was found" in page
    assert Node.objects.exists()
    alice_client.post(f"/nodes/{node.pk}/delete/")
    assert not Node.objects.exists()


def test_a_node_that_a_rule_is_limited_to_stays(alice_client: Client) -> None:
    node, _secret = make_node("main")
    make_rule("only main", nodes=[node])
    page = alice_client.post(f"/nodes/{node.pk}/delete/").content.decode()
    assert "only main" in page
    assert Node.objects.exists()


def test_it_is_renamed(alice_client: Client) -> None:
    node, _secret = make_node("main")
    make_node("taken")
    assert (
        b"already exists" in alice_client.post(f"/nodes/{node.pk}/edit/", {"name": "taken"}).content
    )
    alice_client.post(f"/nodes/{node.pk}/edit/", {"name": "CT building"})
    node.refresh_from_db()
    assert node.name == "CT building"


def test_its_page_shows_what_an_administrator_asks_first(charlie_client: Client) -> None:
    node, _secret = make_node("main", online=True)
    node.orthanc_version, node.plugin_version = "1.12.7", "0.1.0"
    node.warnings = [{"code": "http_off", "message": "Orthanc's HTTP server is off. Switch it on."}]
    node.status = {"dicom_aet": "ORTHANC", "dicom_port": 4242, "outbox": 1700}
    node.save()
    Lane.objects.create(node=node, destination=make_modality("PACS"), state="failing", waiting=7)
    for seq, kind, data, problem in (
        (1, "node.notice", {"message": "The state file was replaced."}, ""),
        (2, "study.exploded", {}, "unknown kind"),
    ):
        Event.objects.create(
            id=uuid.uuid4(),
            node=node,
            seq=seq,
            kind=kind,
            at=timezone.now(),
            received_at=timezone.now(),
            data=data,
            problem=problem,
        )
    page = charlie_client.get(f"/nodes/{node.pk}/").content.decode()
    for words in (
        "Online",
        "1.12.7",
        "HTTP server is off. Switch it on.",
        "1,700",
        "PACS",
        "Failing",
        "The state file was replaced.",
        "study.exploded",
        "unknown kind",
    ):
        assert words in page


def test_a_node_behind_its_configuration_is_told(charlie_client: Client) -> None:
    node, _secret = make_node("main", online=True)
    node.config_revision = 0
    node.save()
    assert b"change behind" in charlie_client.get(f"/nodes/{node.pk}/").content


def test_no_node_yet_teaches_the_next_step(alice_client: Client, charlie_client: Client) -> None:
    assert b'href="/nodes/new/"' in alice_client.get("/nodes/").content
    assert b"An administrator can do that." in charlie_client.get("/nodes/").content


def test_its_settings_are_shown_with_what_they_mean(charlie_client: Client) -> None:
    node, _secret = make_node(online=True)
    node.status = {"settings": {"StableAge": 60, "SaveJobs": True, "TcpNoDelay": True, "New": 7}}
    node.save()
    page = charlie_client.get(f"/nodes/{node.pk}/").content.decode()
    for words in (
        "<code>TcpNoDelay</code>",
        "some 40 ms late",
        "after which a study counts as complete",
        "<code>New</code>",
    ):
        assert words in page


@pytest.mark.parametrize("settings", [None, [], "x", {"TcpNoDelay": None}, {"A": {"B": [1]}}])
def test_whatever_a_node_says_of_its_settings_the_page_comes(
    settings: object, charlie_client: Client
) -> None:
    node, _secret = make_node(online=True)
    node.status = {"settings": settings}
    node.save()
    assert charlie_client.get(f"/nodes/{node.pk}/").status_code == 200


def test_attaching_tells_what_applies_to_the_node_from_its_first_call(alice_client: Client) -> None:
    other, _secret = make_node("other")
    rule = make_rule("CT to PACS")
    make_rule("Off", enforcement="disabled")
    make_rule("Limited", nodes=[other])
    everywhere = make_modality("EVERYWHERE")
    make_found(other, "THERE")
    page = alice_client.post("/nodes/new/", {"name": "new"}).content.decode()
    words = " ".join(page.split())
    assert "1 rule and 1 destination apply to every node" in words
    assert f'href="/rules/{rule.pk}/"' in page
    assert f'href="/destinations/{everywhere.pk}/"' in page
    for name in ("Off<", "Limited", "THERE"):
        assert name not in page


def test_without_anything_common_the_attach_page_warns_of_nothing(alice_client: Client) -> None:
    page = alice_client.post("/nodes/new/", {"name": "new"}).content.decode()
    assert "every node" not in page


def test_an_offline_node_shows_what_was_known_at_its_last_call(charlie_client: Client) -> None:
    node, _secret = make_node("gateway")
    Node.objects.update(last_seen_at=timezone.now() - timedelta(minutes=4), config_revision=21)
    for address in (f"/nodes/{node.pk}/", "/nodes/"):
        page = charlie_client.get(address).content.decode()
        assert "revision 21, as of" in page
        assert "up to date" not in page
    assert (
        "A node counts as offline 45 s after its last call"
        in charlie_client.get(f"/nodes/{node.pk}/").content.decode()
    )
