"""Deliveries as a node reports them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orthanc_console.agent import reading
from orthanc_console.agent.messages import Incoming
from orthanc_console.agent.reading import BadData
from orthanc_console.nodes.models import Node
from routing.agent.studies import LONGEST_ID, links_to_studies
from routing.models import Attempt, Delivery, DeliveryRule, Destination, Rule
from routing.models.delivery import State

LONGEST_ERROR = 4000
MIRRORED = (
    *("destination", "destination_name", "state", "reason", "cause", "attempts"),
    *("instance_count", "delivered_count", "next_attempt_at", "last_error", "state_changed_at"),
    *("delivered_at", "verified_at", "last_seq"),
)
ATTEMPT_FIELDS = (
    *("started_at", "finished_at", "instance_count", "job_id", "outcome", "error"),
    *("error_code", "permanent"),
)
OUTCOMES = ("running", "succeeded", "failed", "lost")


@dataclass
class Report:
    """One `delivery.changed`, read."""

    event: Incoming
    study: str
    delivery: Delivery
    destination: int | None
    rules: list[DeliveryRule]
    attempt: Attempt | None


def take_deliveries(node: Node, events: list[Incoming]) -> None:
    """Create or update deliveries with their rules and attempts; the newest report of each delivery counts.

    An older report that comes late still adds the attempt that it tells of.
    """
    reports = _of_this_node(node, _read_all(node, sorted(events, key=lambda event: event.seq)))
    studies = links_to_studies(node, (report.study for report in reports))
    destinations = _existing(Destination, {report.destination for report in reports})
    for report in reports:
        report.delivery.study_id = studies[report.study]
        if report.destination in destinations:
            report.delivery.destination_id = report.destination
        report.event.study_id = report.delivery.study_id
        report.event.delivery_id = report.delivery.pk
    _save_deliveries(reports)
    _save_rules(reports)
    _save_attempts(reports)


def _read_all(node: Node, events: list[Incoming]) -> list[Report]:
    reports = []
    for event in events:
        try:
            reports.append(_read(node, event, reading.mapping(event.data, "delivery")))
        except BadData as error:
            event.problem = str(error)
    return reports


def _of_this_node(node: Node, reports: list[Report]) -> list[Report]:
    ids = {report.delivery.pk for report in reports}
    foreign = set(
        Delivery.objects.filter(pk__in=ids).exclude(node=node).values_list("pk", flat=True)
    )
    for report in reports:
        if report.delivery.pk in foreign:
            report.event.problem = "Another node has reported a delivery with this identifier."
    return [report for report in reports if report.delivery.pk not in foreign]


def _read(node: Node, event: Incoming, data: dict[str, Any]) -> Report:
    state = reading.needed_text(data, "state", 10)
    if state not in State.values:
        raise BadData(f"“{state}” is no state of a delivery.")
    delivery = Delivery(
        id=reading.identifier(data, "id"),
        node=node,
        destination_name=reading.text(data, "destination_name", 64),
        state=state,
        reason=reading.text(data, "reason", 40),
        cause=reading.text(data, "cause", 10) or "rule",
        attempts=reading.count(data, "attempts"),
        instance_count=reading.count(data, "instance_count"),
        delivered_count=reading.count(data, "delivered_count"),
        next_attempt_at=reading.moment(data, "next_attempt_at"),
        last_error=reading.text(data, "last_error", LONGEST_ERROR),
        created_at=reading.moment(data, "created_at") or event.at,
        state_changed_at=event.at,
        delivered_at=reading.moment(data, "delivered_at"),
        verified_at=reading.moment(data, "verified_at"),
        last_seq=event.seq,
    )
    return Report(
        event=event,
        study=reading.needed_text(data, "study", LONGEST_ID),
        delivery=delivery,
        destination=reading.number(data, "destination", reading.LARGEST_NUMBER),
        rules=[_read_rule(delivery, each) for each in reading.mappings(data, "rules")],
        attempt=_read_attempt(delivery, event.at, reading.mapping(data, "attempt")),
    )


def _read_rule(delivery: Delivery, data: dict[str, Any]) -> DeliveryRule:
    return DeliveryRule(
        delivery=delivery,
        rule_id=reading.number(data, "id", reading.LARGEST_NUMBER),
        rule_name=reading.text(data, "name", 100),
        revision=reading.count(data, "revision"),
    )


def _read_attempt(delivery: Delivery, at: datetime, data: dict[str, Any]) -> Attempt | None:
    if not data:
        return None
    outcome = reading.needed_text(data, "outcome", 12)
    if outcome not in OUTCOMES:
        raise BadData(f"“{outcome}” is no outcome of an attempt.")
    code = data.get("error_code")
    if code is not None and (type(code) is not int or abs(code) > reading.LARGEST_COUNT):
        raise BadData("“error_code” is not a number.")
    return Attempt(
        delivery=delivery,
        number=reading.count(data, "number"),
        started_at=reading.moment(data, "started_at") or at,
        finished_at=reading.moment(data, "finished_at"),
        instance_count=reading.count(data, "instance_count"),
        job_id=reading.text(data, "job_id", 36),
        outcome=outcome,
        error=reading.text(data, "error", LONGEST_ERROR),
        error_code=code,
        permanent=reading.truth(data, "permanent"),
    )


def _save_deliveries(reports: list[Report]) -> None:
    known = {
        pk: (seq, state, since)
        for pk, seq, state, since in Delivery.objects.filter(
            pk__in={report.delivery.pk for report in reports}
        ).values_list("pk", "last_seq", "state", "state_changed_at")
    }
    newest: dict[uuid.UUID, Delivery] = {}
    for report in reports:
        delivery = report.delivery
        seq, state, since = known.get(delivery.pk, (-1, None, None))
        if delivery.last_seq <= seq:
            continue
        if delivery.state == state and since is not None:
            delivery.state_changed_at = since
        known[delivery.pk] = (delivery.last_seq, delivery.state, delivery.state_changed_at)
        newest[delivery.pk] = delivery
    Delivery.objects.bulk_create(
        newest.values(), update_conflicts=True, unique_fields=["id"], update_fields=MIRRORED
    )


def _save_rules(reports: list[Report]) -> None:
    links = [link for report in reports for link in report.rules]
    rules = _existing(Rule, {link.rule_id for link in links})
    for link in links:
        if link.rule_id not in rules:
            link.rule_id = None
    DeliveryRule.objects.bulk_create(links, ignore_conflicts=True)


def _save_attempts(reports: list[Report]) -> None:
    ids = {report.delivery.pk for report in reports if report.attempt}
    finished = set(
        Attempt.objects.filter(delivery__in=ids)
        .exclude(outcome="running")
        .values_list("delivery_id", "number")
    )
    newest: dict[tuple[uuid.UUID, int], Attempt] = {}
    for report in reports:
        attempt = report.attempt
        if attempt is None:
            continue
        key = (report.delivery.pk, attempt.number)
        # A report that comes late must not set a finished attempt running again.
        if attempt.outcome != "running" or key not in finished:
            newest[key] = attempt
        if attempt.outcome != "running":
            finished.add(key)
    Attempt.objects.bulk_create(
        newest.values(),
        update_conflicts=True,
        unique_fields=["delivery", "number"],
        update_fields=ATTEMPT_FIELDS,
    )


def _existing(model: type[Destination] | type[Rule], ids: set[int | None]) -> set[int]:
    found = model._default_manager.filter(pk__in=ids - {None})
    return set(found.values_list("pk", flat=True))
