"""Plain functions that make what tests need."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from orthanc_console.nodes.models import Node
from routing.models import Delivery, Destination, Rule, Study
from routing.models.destination import Kind, Source

AT = "2026-11-24T22:00:00Z"
_numbers = itertools.count(1)


def make_node(name: str = "", *, online: bool = False) -> tuple[Node, str]:
    """A node and its token."""
    node = Node.objects.create(name=name or f"node{next(_numbers)}")
    secret = node.new_token()
    if online:
        node.last_seen_at = timezone.now()
        node.save(update_fields=["last_seen_at"])
    return node, secret


def make_modality(name: str = "", **values: Any) -> Destination:
    name = name or f"PACS{next(_numbers)}"
    nodes = values.pop("nodes", [])
    address = {"aet": name[:16], "host": "192.0.2.7", "port": 104}
    made = Destination.objects.create(name=name, kind=Kind.MODALITY, **{**address, **values})
    made.nodes.set(nodes)
    return made


def make_found(node: Node, name: str = "FOUND", **values: Any) -> Destination:
    """A modality that the Orthanc of the node has by itself."""
    return make_modality(name, source=Source.ORTHANC, nodes=[node], **values)


def make_rule(name: str = "", expression: str = "true", **values: Any) -> Rule:
    number = next(_numbers)
    destinations = values.pop("destinations", [])
    nodes = values.pop("nodes", [])
    position = values.pop("position", Rule.objects.count() + 1)
    rule = Rule.objects.create(
        name=name or f"rule {number}", expression=expression, position=position, **values
    )
    rule.destinations.set(destinations)
    rule.nodes.set(nodes)
    return rule


def make_study(node: Node, **values: Any) -> Study:
    number = next(_numbers)
    defaults = {
        "orthanc_id": f"study-{number}",
        "study_instance_uid": f"1.2.{number}",
        "patient_id": f"P{number}",
        "modalities": ["CT"],
        "reported_at": timezone.now(),
    }
    return Study.objects.create(node=node, **{**defaults, **values})


def make_delivery(study: Study, destination: Destination, **values: Any) -> Delivery:
    defaults = {
        "node": study.node,
        "destination_name": destination.name,
        "created_at": timezone.now(),
    }
    return Delivery.objects.create(study=study, destination=destination, **{**defaults, **values})


def event(kind: str, data: dict[str, Any], seq: int | None = None, **values: Any) -> dict[str, Any]:
    """An event as the plugin sends it."""
    number = next(_numbers) if seq is None else seq
    base = {"id": str(uuid.uuid4()), "seq": number, "kind": kind, "at": AT, "data": data}
    return {**base, **values}


def study_report(
    orthanc_id: str = "study-a", seq: int | None = None, **values: Any
) -> dict[str, Any]:
    """A `study.stable` event."""
    study = {
        "orthanc_id": orthanc_id,
        "study_instance_uid": "1.2.840.1",
        "patient_id": "P1",
        "patient_name": "Doe^Jane",
        "accession_number": "A1",
        "study_date": "20261124",
        "study_description": "Abdomen",
        "modalities": ["CT"],
        "instance_count": 3,
        "series_count": 1,
        "size_bytes": 1000,
        "source_aet": "CT1",
        "received_at": AT,
        "stable_at": AT,
        "facts": {"study": {"PatientID": "P1"}, "series": [{"Modality": "CT"}]},
    }
    return event("study.stable", {"study": {**study, **values}}, seq)


def delivery_report(
    ident: str, destination: Destination, state: str, seq: int | None = None, **values: Any
) -> dict[str, Any]:
    """A `delivery.changed` event."""
    delivery = {
        "id": ident,
        "study": "study-a",
        "destination": destination.pk,
        "destination_name": destination.name,
        "rules": [],
        "cause": "rule",
        "state": state,
        "reason": "",
        "instance_count": 3,
        "delivered_count": 0,
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": "",
        "created_at": AT,
        "delivered_at": None,
        "verified_at": None,
        "attempt": None,
    }
    return event("delivery.changed", {"delivery": {**delivery, **values}}, seq)


def attempt(number: int, outcome: str, **values: Any) -> dict[str, Any]:
    """The attempt inside a `delivery.changed` event."""
    base = {
        "number": number,
        "started_at": AT,
        "finished_at": None if outcome == "running" else AT,
        "job_id": "job",
        "outcome": outcome,
        "error": "",
        "error_code": None,
        "permanent": False,
    }
    return {**base, **values}


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
