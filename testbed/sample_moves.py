"""C-MOVEs, webhook targets and their messages, for the pictures; see testbed.sample_data."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from intercept.models import MoveRequest, WebhookAttempt, WebhookDelivery, WebhookTarget
from intercept.services import targets as services
from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Node
from routing.models import Study

ASKERS = ("WARD3_VIEWER", "OR2", "CD_ROBOT", "TUMOR_BOARD", "RIS")
ENDS = ("sent", "sent", "sent", "sent", "sent", "sent", "replaced", "refused", "failed")
REFUSAL = "Consent service: The receiver answered 403."
UNKNOWN = "Orthanc has no modality with the AE title of the target."


@dataclass(frozen=True)
class Moves:
    """What was made."""

    targets: list[WebhookTarget]
    move: MoveRequest
    webhook: WebhookDelivery


def fill(
    chance: random.Random, admin: User, nodes: list[Node], studies: list[Study], now: datetime
) -> Moves:
    """Make targets, and the C-MOVEs of two days."""
    targets = _targets(admin)
    moves = [_move(chance, nodes[0], studies, now, number) for number in range(160)]
    MoveRequest.objects.bulk_create(moves)
    webhooks = [_webhook(nodes[0], targets, move, number) for number, move in enumerate(moves)]
    WebhookDelivery.objects.bulk_create(webhooks)
    WebhookAttempt.objects.bulk_create(_attempt(webhook) for webhook in webhooks)
    shown = next(m for m in moves if m.outcome == "refused")
    failed = next(w for w in webhooks if w.state == "waiting")
    return Moves(targets, shown, failed)


def _targets(admin: User) -> list[WebhookTarget]:
    written: tuple[dict[str, Any], ...] = (
        {"name": "Audit repository", "url": "https://audit.radiology.example/moves"},
        {
            "name": "Consent service",
            "mode": "gate",
            "url": "https://consent.example/may?study={study_uid}&to={target_aet}",
            "method": "GET",
            "expression": 'TargetAET == "CD_ROBOT"',
        },
        {
            "name": "Fetch from the old archive",
            "mode": "replace",
            "on_timeout": "allow",
            "url": "http://10.20.0.14:8080/fetch",
            "expression": 'TargetAET == "TUMOR_BOARD" and StudyDate < d"2015-01-01"',
        },
    )
    return [services.save(admin, WebhookTarget(**values), nodes=[]) for values in written]


def _move(
    chance: random.Random, node: Node, studies: list[Study], now: datetime, number: int
) -> MoveRequest:
    study = studies[number % 40]
    outcome = chance.choice(ENDS)
    at = now - timedelta(minutes=number * number / 9 + chance.random())
    detail = {"refused": REFUSAL, "failed": UNKNOWN}.get(outcome, "")
    answer = {"delivery": str(uuid.uuid4()), "name": "Consent service", "mode": "gate"}
    return MoveRequest(
        node=node,
        study=study,
        level="STUDY",
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        study_instance_uid=study.study_instance_uid,
        source_aet="ORTHANC",
        originator_aet=chance.choice(ASKERS),
        target_aet=chance.choice(ASKERS),
        remote_ip=f"10.20.3.{number % 9 + 10}",
        outcome=outcome,
        detail=detail,
        instance_count=study.instance_count,
        sent_count=study.instance_count if outcome == "sent" else 0,
        answers=[{**answer, "allowed": False, "words": "It answered 403."}] if detail else [],
        received_at=at,
        finished_at=at + timedelta(seconds=chance.random() * 20),
    )


def _webhook(
    node: Node, targets: list[WebhookTarget], move: MoveRequest, number: int
) -> WebhookDelivery:
    target = targets[1] if move.outcome == "refused" else targets[0]
    late = number < 4
    state = "waiting" if late else "refused" if move.outcome == "refused" else "delivered"
    return WebhookDelivery(
        node=node,
        target=target,
        target_name=target.name,
        move_request=move,
        mode=target.mode,
        state=state,
        attempts=1,
        last_error="The receiver answered 503." if late else "",
        next_attempt_at=move.received_at + timedelta(minutes=30) if late else None,
        created_at=move.received_at,
        delivered_at=move.received_at if state == "delivered" else None,
    )


def _attempt(webhook: WebhookDelivery) -> WebhookAttempt:
    status = {"waiting": 503, "refused": 403}.get(webhook.state, 204)
    headers = {"Content-Type": "application/json", "webhook-id": str(webhook.pk)}
    return WebhookAttempt(
        delivery=webhook,
        number=1,
        started_at=webhook.created_at,
        finished_at=webhook.created_at,
        milliseconds=41,
        outcome="succeeded" if status == 204 else "failed",
        request={
            "method": "POST",
            "url": "https://audit.radiology.example/moves",
            "headers": headers,
            "body": '{"type":"move.requested"}',
        },
        response={"status": status, "headers": {"Retry-After": "120"}, "body": "busy"},
    )
