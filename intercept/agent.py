"""Intercept's part of the call that nodes make; see orthanc_console.agent.capabilities."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from intercept.models import (
    DeliveryState,
    Mode,
    MoveRequest,
    Outcome,
    WebhookAttempt,
    WebhookDelivery,
    WebhookTarget,
)
from intercept.services import targets as services
from orthanc_console.agent import reading
from orthanc_console.agent.messages import Incoming
from orthanc_console.agent.reading import BadData
from orthanc_console.nodes.models import Node
from routing.models import Study

logger = logging.getLogger(__name__)

LONGEST_TEXT = 4000
LONGEST_AET = 16
IDENTIFIERS = (
    *("patient_id", "accession_number", "study_instance_uid"),
    *("series_instance_uid", "sop_instance_uid"),
)
AETS = ("source_aet", "target_aet", "originator_aet")
MOVE_FIELDS = (
    *("outcome", "detail", "instance_count", "sent_count", "answers", "finished_at"),
    *("study", "last_seq"),
)
DELIVERY_FIELDS = (
    *("target", "target_name", "cause", "state", "reason", "attempts", "next_attempt_at"),
    *("last_error", "last_status", "delivered_at", "last_seq"),
)
ATTEMPT_FIELDS = (
    *("started_at", "finished_at", "milliseconds", "outcome", "error", "request", "response"),
)


def config_for(node: Node) -> dict[str, Any]:
    """`webhook_targets` of docs/protocol.md."""
    concerned = WebhookTarget.objects.filter(Q(nodes=None) | Q(nodes=node)).distinct()
    told = [_target(each) for each in concerned]
    return {"webhook_targets": [each for each in told if each is not None]}


def receive_status(node: Node, status: dict[str, Any]) -> list[str]:
    """The status is kept as it came; the node's page shows it."""
    return []


def _target(target: WebhookTarget) -> dict[str, Any] | None:
    tree = services.check(target.expression).tree
    if tree is None:
        # It was right when it was saved, so the language has changed under it.
        logger.error("webhook target %s can not be read any more; save it again", target.pk)
        if target.mode != Mode.GATE:
            return None
        # When in doubt, a gate is asked.
        tree = {"value": True, "type": "boolean"}
    until = target.previous_secret_until
    plain = (
        *("name", "revision", "enforcement", "mode", "url", "method", "body_template"),
        *("username", "password", "bearer_token", "secret", "previous_secret"),
        *("client_certificate", "client_key", "ca_certificates", "verify_certificate"),
        *("timeout_seconds", "on_timeout"),
    )
    return {
        "id": target.pk,
        "condition": tree,
        "headers": services.headers_of(target),
        "previous_secret_until": until.timestamp() if until else None,
        **{name: getattr(target, name) for name in plain},
    }


def take_requests(node: Node, events: list[Incoming]) -> None:
    """`move.request`: create or update C-MOVEs; the newest report of each counts."""
    newest: dict[uuid.UUID, MoveRequest] = {}
    studies: dict[uuid.UUID, str] = {}
    for event in sorted(events, key=lambda event: event.seq):
        try:
            data = reading.mapping(event.data, "request")
            request = _request(node, event, data)
            studies[request.pk] = next(iter(reading.texts(data, "studies", 44)), "")
        except BadData as error:
            event.problem = str(error)
            continue
        newest[request.pk] = request
        # All of it is in the request, and would be kept twice.
        event.data = {"request": str(request.pk), "outcome": request.outcome}
    known = _seqs(MoveRequest, node, newest, events, "request")
    rows = Study.objects.filter(node=node, orthanc_id__in=set(studies.values()) - {""})
    by_id = dict(rows.values_list("orthanc_id", "pk"))
    fresh = [each for pk, each in newest.items() if known.get(pk, -1) < each.last_seq]
    for request in fresh:
        request.study_id = by_id.get(studies[request.pk])
    MoveRequest.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["id"], update_fields=MOVE_FIELDS
    )


def _request(node: Node, event: Incoming, data: dict[str, Any]) -> MoveRequest:
    outcome = reading.needed_text(data, "outcome", 12)
    if outcome not in Outcome.values:
        raise BadData(f"“{outcome}” is no outcome of a C-MOVE.")
    return MoveRequest(
        id=reading.identifier(data, "id"),
        node=node,
        level=reading.text(data, "level", 10),
        **{name: reading.text(data, name, 64_000) for name in IDENTIFIERS},
        **{name: reading.text(data, name, LONGEST_AET) for name in AETS},
        originator_id=reading.count(data, "originator_id"),
        remote_ip=reading.text(data, "remote_ip", 45),
        outcome=outcome,
        detail=reading.text(data, "detail", LONGEST_TEXT),
        instance_count=reading.count(data, "instance_count"),
        sent_count=reading.count(data, "sent_count"),
        answers=[_answer(each) for each in reading.mappings(data, "answers")],
        received_at=reading.moment(data, "received_at") or event.at,
        finished_at=reading.moment(data, "finished_at"),
        last_seq=event.seq,
    )


def _answer(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "delivery": str(reading.identifier(data, "delivery")),
        "name": reading.text(data, "name", 100),
        "mode": reading.text(data, "mode", 10),
        "allowed": reading.truth(data, "allowed"),
        "words": reading.text(data, "words", LONGEST_TEXT),
    }


def take_webhooks(node: Node, events: list[Incoming]) -> None:
    """`webhook.attempt`: create or update webhook deliveries with their attempts; the newest report of each counts."""
    newest: dict[uuid.UUID, WebhookDelivery] = {}
    attempts: dict[tuple[uuid.UUID, int], WebhookAttempt] = {}
    for event in sorted(events, key=lambda event: event.seq):
        try:
            delivery = _delivery(node, event, reading.mapping(event.data, "delivery"))
            attempt = _attempt(delivery, event, reading.mapping(event.data, "attempt"))
        except BadData as error:
            event.problem = str(error)
            continue
        newest[delivery.pk] = delivery
        if attempt is not None:
            attempts[delivery.pk, attempt.number] = attempt
        event.data = {"delivery": str(delivery.pk), "state": delivery.state}
    known = _seqs(WebhookDelivery, node, newest, events, "delivery")
    _link(newest.values())
    fresh = [each for pk, each in newest.items() if known.get(pk, -1) < each.last_seq]
    WebhookDelivery.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["id"], update_fields=DELIVERY_FIELDS
    )
    WebhookAttempt.objects.bulk_create(
        [each for (pk, _number), each in attempts.items() if pk in newest],
        update_conflicts=True,
        unique_fields=["delivery", "number"],
        update_fields=ATTEMPT_FIELDS,
    )


def _seqs(
    model: type[MoveRequest] | type[WebhookDelivery],
    node: Node,
    newest: dict[uuid.UUID, Any],
    events: list[Incoming],
    name: str,
) -> dict[uuid.UUID, int]:
    """How far each object is known. Those that another node has reported are taken out, and their events get the problem."""
    rows = model._default_manager.filter(pk__in=newest).values_list("pk", "node_id", "last_seq")
    foreign = {pk for pk, node_id, _seq in rows if node_id != node.pk}
    for event in events:
        if not event.problem and uuid.UUID(event.data[name]) in foreign:
            event.problem = "Another node has reported something with this identifier."
    for pk in foreign:
        del newest[pk]
    return {pk: seq for pk, node_id, seq in rows if node_id == node.pk}


def _link(deliveries: Iterable[WebhookDelivery]) -> None:
    """Drop references to what the console does not have."""
    deliveries = list(deliveries)
    targets = set(
        WebhookTarget.objects.filter(pk__in={d.target_id for d in deliveries} - {None}).values_list(
            "pk", flat=True
        )
    )
    requests = set(
        MoveRequest.objects.filter(
            pk__in={d.move_request_id for d in deliveries} - {None}
        ).values_list("pk", flat=True)
    )
    for delivery in deliveries:
        if delivery.target_id not in targets:
            delivery.target_id = None
        if delivery.move_request_id not in requests:
            delivery.move_request_id = None


def _delivery(node: Node, event: Incoming, data: dict[str, Any]) -> WebhookDelivery:
    state = reading.needed_text(data, "state", 10)
    if state not in DeliveryState.values:
        raise BadData(f"“{state}” is no state of a webhook.")
    about = data.get("move_request") is not None
    return WebhookDelivery(
        id=reading.identifier(data, "id"),
        node=node,
        target_id=reading.number(data, "target", reading.LARGEST_NUMBER),
        target_name=reading.text(data, "target_name", 100),
        move_request_id=reading.identifier(data, "move_request") if about else None,
        mode=reading.text(data, "mode", 10),
        cause=reading.text(data, "cause", 12) or "move",
        state=state,
        reason=reading.text(data, "reason", 40),
        attempts=reading.count(data, "attempts"),
        next_attempt_at=reading.moment(data, "next_attempt_at"),
        last_error=reading.text(data, "last_error", LONGEST_TEXT),
        last_status=reading.number(data, "last_status", 999),
        created_at=reading.moment(data, "created_at") or event.at,
        delivered_at=reading.moment(data, "delivered_at"),
        last_seq=event.seq,
    )


def _attempt(
    delivery: WebhookDelivery, event: Incoming, data: dict[str, Any]
) -> WebhookAttempt | None:
    if not data:
        return None
    return WebhookAttempt(
        delivery=delivery,
        number=reading.count(data, "number"),
        started_at=reading.moment(data, "started_at") or event.at,
        finished_at=reading.moment(data, "finished_at"),
        milliseconds=reading.count(data, "milliseconds"),
        outcome=reading.needed_text(data, "outcome", 12),
        error=reading.text(data, "error", LONGEST_TEXT),
        request=reading.mapping(data, "request"),
        response=reading.mapping(data, "response"),
    )


def take_gone(node: Node, events: list[Incoming]) -> None:
    """`webhook.target_gone`: a receiver answered 410."""
    for event in events:
        try:
            target = reading.number(event.data, "target", reading.LARGEST_NUMBER)
            revision = reading.count(event.data, "revision")
            if target is None:
                raise BadData("“target” is missing.")
        except BadData as error:
            event.problem = str(error)
        else:
            services.disable_gone(node, target, revision)


EVENT_HANDLERS = {
    "move.request": take_requests,
    "webhook.attempt": take_webhooks,
    "webhook.target_gone": take_gone,
}
