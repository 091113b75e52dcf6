"""Plain functions that make what tests of intercept need."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from django.utils import timezone

from intercept.models import MoveRequest, WebhookAttempt, WebhookDelivery, WebhookTarget
from intercept.services import targets as services
from orthanc_console.nodes.models import Node
from tests.factories import AT, event

_numbers = itertools.count(1)
URL = "http://10.0.0.9/hook"


def make_target(name: str = "", **values: Any) -> WebhookTarget:
    nodes = values.pop("nodes", [])
    secret = values.pop("secret", services.new_secret())
    made = WebhookTarget.objects.create(
        name=name or f"hook {next(_numbers)}", secret=secret, **{"url": URL, **values}
    )
    made.nodes.set(nodes)
    return made


def make_move(node: Node, **values: Any) -> MoveRequest:
    defaults = {
        "level": "STUDY",
        "patient_id": f"P{next(_numbers)}",
        "study_instance_uid": "1.2.3",
        "originator_aet": "VIEWER",
        "target_aet": "ARCHIVE",
        "source_aet": "NODE",
        "outcome": "sent",
        "instance_count": 3,
        "sent_count": 3,
        "received_at": timezone.now(),
        "finished_at": timezone.now(),
    }
    return MoveRequest.objects.create(node=node, **{**defaults, **values})


def make_webhook(
    node: Node, target: WebhookTarget | None, move: MoveRequest | None = None, **values: Any
) -> WebhookDelivery:
    defaults = {
        "target_name": target.name if target else "gone",
        "mode": "notify",
        "created_at": timezone.now(),
    }
    return WebhookDelivery.objects.create(
        node=node, target=target, move_request=move, **{**defaults, **values}
    )


def make_attempt(webhook: WebhookDelivery, number: int = 1, **values: Any) -> WebhookAttempt:
    defaults = {
        "started_at": timezone.now(),
        "outcome": "failed",
        "request": {"method": "POST", "url": URL, "headers": {"X": "1"}, "body": "{}"},
        "response": {"status": 500, "headers": {}, "body": "no"},
    }
    return WebhookAttempt.objects.create(delivery=webhook, number=number, **{**defaults, **values})


def move_report(ident: str, seq: int | None = None, **values: Any) -> dict[str, Any]:
    """A `move.request` event."""
    request = {
        "id": ident,
        "received_at": AT,
        "finished_at": None,
        "level": "STUDY",
        "patient_id": "P1",
        "accession_number": "",
        "study_instance_uid": "1.2.3",
        "series_instance_uid": "",
        "sop_instance_uid": "",
        "source_aet": "NODE",
        "target_aet": "ARCHIVE",
        "originator_aet": "VIEWER",
        "originator_id": 1,
        "remote_ip": "",
        "studies": [],
        "synchronous": True,
        "instance_count": 3,
        "sent_count": 0,
        "outcome": "running",
        "detail": "",
        "answers": [],
    }
    return event("move.request", {"request": {**request, **values}}, seq)


def webhook_report(
    ident: str, target: WebhookTarget, state: str, seq: int | None = None, **values: Any
) -> dict[str, Any]:
    """A `webhook.attempt` event; `attempt` is one of its values."""
    attempt = values.pop("attempt", None)
    delivery = {
        "id": ident,
        "target": target.pk,
        "target_name": target.name,
        "mode": target.mode,
        "move_request": None,
        "cause": "move",
        "state": state,
        "reason": "",
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": "",
        "last_status": None,
        "created_at": AT,
        "delivered_at": None,
    }
    return event("webhook.attempt", {"delivery": {**delivery, **values}, "attempt": attempt}, seq)


def attempt_report(number: int, outcome: str, status: int | None = None) -> dict[str, Any]:
    return {
        "number": number,
        "started_at": AT,
        "finished_at": AT,
        "milliseconds": 12,
        "outcome": outcome,
        "error": "" if status else "The receiver refuses the connection.",
        "request": {"method": "POST", "url": URL, "headers": {}, "body": "{}"},
        "response": {"status": status, "headers": {}, "body": ""},
    }


def new_id() -> str:
    return str(uuid.uuid4())
