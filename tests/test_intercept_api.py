"""Webhook targets, C-MOVE requests and webhook deliveries in the API."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from rest_framework.test import APIClient

from intercept.models import WebhookTarget
from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Command
from tests.factories import make_node
from tests.intercept_factories import (
    URL,
    make_attempt,
    make_move,
    make_target,
    make_webhook,
)

TARGETS = "/api/v1/webhook-targets/"


def _create(api: APIClient, **values: Any) -> Any:
    return api.post(TARGETS, {"name": "Audit", "url": URL, **values})


def test_a_target_is_created_with_a_secret_that_is_shown_only_then(alice_api: APIClient) -> None:
    answer = _create(alice_api)
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert made["signing_secret"].startswith("whsec_")
    assert (made["mode"], made["method"], made["expression"]) == ("notify", "POST", "true")
    shown = alice_api.get(f"{TARGETS}{made['id']}/").json()
    assert not {"secret", "signing_secret", "password", "bearer_token", "client_key"} & shown.keys()


def test_secrets_are_encrypted_in_the_database_and_masked_wherever_they_are_read(
    alice_api: APIClient,
) -> None:
    made = _create(
        alice_api, bearer_token="TOPSECRET", headers={"X-Api-Key": "HIDDEN", "X-Site": "north"}
    ).json()
    assert made["headers"] == {"X-Api-Key": "••••••", "X-Site": "north"}
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM intercept_webhooktarget")
        stored = str(cursor.fetchall())
    assert "TOPSECRET" not in stored
    assert "HIDDEN" not in stored
    audit = str(AuditEvent.objects.values_list("changes", flat=True))
    assert "TOPSECRET" not in audit
    assert "HIDDEN" not in audit


def test_dots_keep_the_value_of_a_header(alice_api: APIClient) -> None:
    made = _create(alice_api, headers={"X-Api-Key": "HIDDEN"}).json()
    alice_api.patch(f"{TARGETS}{made['id']}/", {"headers": made["headers"]})
    assert '"X-Api-Key": "HIDDEN"' in WebhookTarget.objects.get().headers_json


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://host/"),
        ("url", "http://{target_aet}/"),
        ("url", "http://user:pw@host/"),
        ("url", "http://host/{nonsense}"),
        ("url", "http://host/ x"),
        ("url", "http://host/#x"),
        ("headers", {"X": "a\r\nInjected: 1"}),
        ("headers", {"Bad Name": "x"}),
        ("headers", {"Host": "x"}),
        ("headers", {"webhook-id": "x"}),
        ("headers", {"X": "ümlaut"}),
        ("expression", "TargetAET =="),
        ("expression", "NoSuchThing == 1"),
        ("secret", "plain"),
        ("secret", "whsec_" + base64.b64encode(b"short").decode()),
        ("body_template", '{"a": {study_uid}}'),
        ("client_certificate", "nonsense"),
        ("ca_certificates", "nonsense"),
        ("timeout_seconds", 31),
        ("mode", "shout"),
        ("nonsense", 1),
    ],
)
def test_what_is_wrong_is_refused_and_named(alice_api: APIClient, field: str, value: Any) -> None:
    answer = _create(alice_api, **{field: value})
    assert answer.status_code == 400, answer.json()
    expected = "client_key" if field == "client_key" else field
    assert expected in answer.json()
    assert not WebhookTarget.objects.exists()


def test_conditions_read_the_request_and_the_study(alice_api: APIClient) -> None:
    text = 'Level == "STUDY" and TargetAET in ["A", "B"] and Modality == "CT" and "1.2" in UIDs'
    assert _create(alice_api, expression=text).status_code == 201
    parsed = alice_api.post(f"{TARGETS}parse/", {"text": "TargetAETT == 'x'"}).json()
    assert "TargetAET" in parsed["errors"][0]["suggestion"]


def test_names_of_requests_are_unknown_to_forwarding_rules(alice_api: APIClient) -> None:
    parsed = alice_api.post("/api/v1/rules/parse/", {"text": 'TargetAET == "A"'}).json()
    assert parsed["errors"]


def test_a_new_secret_leaves_the_old_one_valid_for_a_day(alice_api: APIClient) -> None:
    made = _create(alice_api).json()
    answer = alice_api.post(f"{TARGETS}{made['id']}/new-secret/")
    assert answer.status_code == 201
    target = WebhookTarget.objects.get()
    assert target.secret == answer.json()["secret"]
    assert target.previous_secret == made["signing_secret"]
    assert target.previous_secret_until is not None


def test_a_test_without_a_node_online_says_so(bob_api: APIClient) -> None:
    answer = bob_api.post(f"{TARGETS}{make_target().pk}/test/")
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert "online" in answer.json()["detail"]


@pytest.mark.parametrize("path", [TARGETS, "/api/v1/move-requests/", "/api/v1/webhook-deliveries/"])
def test_viewers_read_and_do_not_change(charlie_api: APIClient, path: str) -> None:
    assert charlie_api.get(path).status_code == 200
    assert charlie_api.post(path, {"name": "x", "url": URL}).status_code in (403, 405)


def test_operators_test_and_redeliver_but_do_not_configure(bob_api: APIClient) -> None:
    assert _create(bob_api).status_code == 403
    assert bob_api.delete(f"{TARGETS}{make_target().pk}/").status_code == 403


def test_requests_answer_who_moved_this_patients_study_where(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    move = make_move(node, patient_id="4711", originator_aet="WARD3", target_aet="CD_ROBOT")
    make_move(node, patient_id="0815")
    found = charlie_api.get("/api/v1/move-requests/", {"search": "4711"}).json()["results"]
    (row,) = found
    assert row["id"] == str(move.pk)
    needed = "id node level study_instance_uid source_aet target_aet originator_aet outcome"
    assert set(needed.split()) <= row.keys()
    assert (row["originator_aet"], row["target_aet"]) == ("WARD3", "CD_ROBOT")


def test_requests_are_exported_without_formulas(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    make_move(node, patient_id='=HYPERLINK("x")')
    answer = charlie_api.get("/api/v1/move-requests/export/")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("received_at,node,")
    assert "'=HYPERLINK" in text
    assert answer["Content-Type"].startswith("text/csv")


def test_a_delivery_shows_its_attempts(charlie_api: APIClient) -> None:
    node, _secret = make_node()
    webhook = make_webhook(node, make_target(), make_move(node), state="failed", attempts=1)
    make_attempt(webhook)
    shown = charlie_api.get(f"/api/v1/webhook-deliveries/{webhook.pk}/").json()
    assert {"id", "target", "move_request", "state", "attempts"} <= shown.keys()
    assert shown["attempt_list"][0]["response"]["status"] == 500


def test_redelivering_asks_the_node(bob_api: APIClient) -> None:
    node, _secret = make_node(online=True)
    webhook = make_webhook(node, make_target(), make_move(node), state="delivered")
    answer = bob_api.post(f"/api/v1/webhook-deliveries/{webhook.pk}/redeliver/")
    assert answer.json()["done"] == 1
    command = Command.objects.get()
    assert (command.kind, command.data) == ("webhook_redeliver", {"deliveries": [str(webhook.pk)]})


def test_redelivering_all_takes_the_failed_ones_that_match(bob_api: APIClient) -> None:
    node, _secret = make_node(online=True)
    first, second = make_target(), make_target()
    failed = make_webhook(node, first, state="failed")
    make_webhook(node, first, state="delivered")
    make_webhook(node, second, state="failed")
    url = f"/api/v1/webhook-deliveries/redeliver/?target={first.pk}"
    assert bob_api.post(url).json()["done"] == 1
    assert Command.objects.get().data == {"deliveries": [str(failed.pk)]}
    assert bob_api.post("/api/v1/webhook-deliveries/redeliver/?tarket=1").status_code == 400


def test_what_cannot_be_sent_again_is_named(bob_api: APIClient) -> None:
    node, _secret = make_node(online=True)
    gone = make_webhook(node, None, state="failed")
    answer = bob_api.post(f"/api/v1/webhook-deliveries/{gone.pk}/redeliver/").json()
    assert answer["done"] == 0
    assert "deleted" in answer["skipped"][0]["reason"]
