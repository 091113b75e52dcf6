"""The pages of C-MOVEs, webhook targets and their messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from intercept.models import WebhookTarget
from intercept.services import targets as services
from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Command, Node
from tests.factories import make_node, make_study
from tests.intercept_factories import (
    URL,
    make_attempt,
    make_move,
    make_target,
    make_webhook,
    new_id,
)
from tests.test_page_markup import PATIENT, Page

FORM = {
    "name": "Audit",
    "mode": "notify",
    "on_timeout": "refuse",
    "expression": "true",
    "url": URL,
    "method": "POST",
    "timeout_seconds": "10",
    "enforcement": "active",
    "verify_certificate": "on",
    "headers": "",
}


@pytest.fixture
def node() -> Node:
    return make_node("north", online=True)[0]


@pytest.fixture
def addresses(alice: User, node: Node) -> list[str]:
    """Every page, about things with awkward names."""
    name, ident, accession = PATIENT
    target = make_target("Hook <b> & co", headers_json='{"X-Key": "abc"}', nodes=[node])
    study = make_study(node, patient_name=name, patient_id=ident)
    move = make_move(
        node,
        study=study,
        patient_id=ident,
        accession_number=accession,
        outcome="refused",
        detail="<script>alert(1)</script>",
        answers=[
            {"delivery": new_id(), "name": "x", "mode": "gate", "allowed": False, "words": "No."}
        ],
    )
    webhook = make_webhook(
        node,
        target,
        move,
        state="waiting",
        next_attempt_at=timezone.now(),
        last_error="<script>alert",
    )
    make_attempt(webhook, response={"status": 500, "headers": {}, "body": "<script>alert(1)"})
    return [
        *map(reverse, ("moves", "webhook-deliveries", "webhook-targets", "webhook-target-create")),
        reverse("webhook-deliveries-all"),
        reverse("move", args=(move.pk,)),
        reverse("webhook-delivery", args=(webhook.pk,)),
        *(
            reverse(f"webhook-target{part}", args=(target.pk,))
            for part in ("", "-edit", "-secret", "-delete")
        ),
    ]


def test_every_page_keeps_the_rules_of_all_pages(
    addresses: list[str], alice_client: Client
) -> None:
    for address in addresses:
        answer = alice_client.get(address)
        assert answer.status_code == 200, address
        html = answer.content.decode()
        page = Page(html)
        assert page.inline == [], address
        assert page.headings == 1, address
        assert page.open == [], address
        assert len(page.ids) == len(set(page.ids)), address
        assert "<script>alert" not in html, address
        assert not any(word.split("^")[0] in each for word in PATIENT for each in page.addresses)
        for control in page.controls:
            named = control.get("aria-label") or control["inside"]
            assert named or control.get("id") in page.labels, (address, control)


def test_a_viewer_reads_and_is_offered_nothing_else(
    addresses: list[str], charlie_client: Client
) -> None:
    for address in addresses:
        answer = charlie_client.get(address)
        forbidden = any(part in address for part in ("new", "edit", "secret", "delete", "all"))
        assert answer.status_code == (403 if forbidden else 200), address
        assert "Send again" not in answer.content.decode()


@pytest.mark.parametrize("name", ["moves", "webhook-deliveries", "webhook-targets"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    name: str, alice_client: Client, node: Node
) -> None:
    def fill(count: int) -> None:
        for _number in range(count):
            target = make_target(nodes=[node])
            move = make_move(node, study=make_study(node))
            make_webhook(node, target, move)

    fill(2)
    with CaptureQueriesContext(connection) as few:
        alice_client.get(reverse(name))
    fill(10)
    with CaptureQueriesContext(connection) as many:
        alice_client.get(reverse(name))
    assert len(many) <= len(few) <= 24


def test_adding_a_target_shows_its_secret_once(alice_client: Client) -> None:
    answer = alice_client.post(reverse("webhook-target-create"), FORM)
    target = WebhookTarget.objects.get()
    assert target.secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    for name in ("webhook-target", "webhook-target-edit"):
        assert (
            target.secret not in alice_client.get(reverse(name, args=(target.pk,))).content.decode()
        )


def test_mistakes_stand_at_their_fields_and_nothing_is_saved(alice_client: Client) -> None:
    wrong = {**FORM, "url": "ftp://x/", "expression": "Nonsense == 1", "headers": "no colon"}
    html = alice_client.post(reverse("webhook-target-create"), wrong).content.decode()
    assert "one a line" in html
    wrong["headers"] = ""
    html = alice_client.post(reverse("webhook-target-create"), wrong).content.decode()
    assert "no http or https address" in html
    assert "no DICOM keyword" in html
    assert not WebhookTarget.objects.exists()


def test_editing_keeps_secrets_that_are_left_empty(alice_client: Client) -> None:
    target = make_target("Audit", headers_json='{"X-Key": "abc"}', username="u", password="pw")
    kept = {**FORM, "username": "u", "headers": "X-Key: ••••••"}
    answer = alice_client.post(reverse("webhook-target-edit", args=(target.pk,)), kept)
    assert answer.status_code == 302
    saved = WebhookTarget.objects.get()
    assert (saved.password, saved.secret) == ("pw", target.secret)
    assert services.headers_of(saved) == {"X-Key": "abc"}
    alice_client.post(
        reverse("webhook-target-edit", args=(target.pk,)),
        {**kept, "password": "", "forget": ["password"]},
    )
    assert WebhookTarget.objects.get().password == ""


def test_the_condition_is_checked_while_it_is_typed(charlie_client: Client) -> None:
    check = reverse("webhook-target-check")
    html = charlie_client.post(check, {"expression": 'TargetAET == "A"'}).content.decode()
    assert "TargetAET" in html
    assert "notice-error" not in html
    assert "notice-error" in charlie_client.post(check, {"expression": "Tarket"}).content.decode()


def test_a_target_that_its_receiver_gave_up_says_so(charlie_client: Client) -> None:
    target = make_target(enforcement="disabled", disabled_because="Its receiver answered 410.")
    html = charlie_client.get(reverse("webhook-target", args=(target.pk,))).content.decode()
    assert "Its receiver answered 410." in html


def test_the_last_hour_stands_over_the_list(charlie_client: Client, node: Node) -> None:
    for _number in range(3):
        make_move(node, originator_aet="WARD3")
    make_move(node, outcome="failed")
    make_move(node, received_at=timezone.now() - timedelta(hours=2))
    html = charlie_client.get(reverse("moves")).content.decode()
    assert "4 C-MOVEs" in html
    assert "WARD3 (3)" in html


def test_the_search_stays_out_of_addresses(charlie_client: Client, node: Node) -> None:
    make_move(node, patient_id="4711", target_aet="ROBOT")
    make_move(node, patient_id="0815", target_aet="OTHER")
    answer = charlie_client.post(reverse("search"), {"list": "moves", "search": "4711"})
    assert "4711" not in answer["Location"]
    html = charlie_client.get(answer["Location"]).content.decode()
    assert "ROBOT" in html
    assert "OTHER" not in html


def test_messages_are_sent_again_one_by_one_and_all_at_once(bob_client: Client, node: Node) -> None:
    target = make_target()
    first = make_webhook(node, target, state="failed")
    make_webhook(node, target, state="delivered")
    bob_client.post(reverse("webhook-deliveries-chosen"), {"chosen": [str(first.pk)]})
    assert Command.objects.get().data == {"deliveries": [str(first.pk)]}
    confirm = f"{reverse('webhook-deliveries-all')}?state=failed,delivered"
    assert "Send 2 webhooks again" in bob_client.get(confirm).content.decode()
    bob_client.post(confirm)
    assert len(Command.objects.latest("created_at").data["deliveries"]) == 2


def test_the_export_follows_the_filter(charlie_client: Client, node: Node) -> None:
    make_move(node, target_aet="ROBOT")
    make_move(node, target_aet="OTHER")
    answer = charlie_client.get(reverse("moves-export") + "?target_aet=ROBOT")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "ROBOT" in text
    assert "OTHER" not in text


@pytest.mark.parametrize(
    ("variant", "words"), [(0, "by itself"), (1, "0xB000"), (2, "0xC000"), (3, "0xC000")]
)
def test_the_page_of_a_node_says_what_its_version_can(
    charlie_client: Client, node: Node, variant: int, words: str
) -> None:
    node.status = {"intercept": {"variant": variant, "most_waiting": 2, "targets": []}}
    node.save()
    html = charlie_client.get(reverse("node", args=(node.pk,))).content.decode()
    assert words in html
