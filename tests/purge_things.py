"""Plain functions that make what tests of purging need."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from django.utils import timezone

from orthanc_console.nodes.models import Node
from purge.models import PurgedStudy, PurgePolicy, PurgeRun

_numbers = itertools.count(1)


def make_policy(name: str = "", **values: Any) -> PurgePolicy:
    nodes = values.pop("nodes", [])
    required = values.pop("require_delivered_to", [])
    defaults = {
        "name": name or f"policy {next(_numbers)}",
        "older_than_days": 365,
        "enforcement": "active",
        "node_count": len(nodes),
        "required_count": len(required),
    }
    made = PurgePolicy.objects.create(**{**defaults, **values})
    made.nodes.set(nodes)
    made.require_delivered_to.set(required)
    return made


def make_run(node: Node, policy: PurgePolicy | None = None, **values: Any) -> PurgeRun:
    defaults = {
        "policy": policy,
        "policy_name": policy.name if policy else "",
        "cause": "manual" if policy else "endpoint",
        "created_at": timezone.now(),
    }
    return PurgeRun.objects.create(node=node, **{**defaults, **values})


def make_line(run: PurgeRun, outcome: str = "deleted", **values: Any) -> PurgedStudy:
    number = next(_numbers)
    defaults = {"orthanc_id": f"study-{number}", "at": timezone.now(), "outcome": outcome}
    return PurgedStudy.objects.create(run=run, **{**defaults, **values})


def run_report(ident: str | None = None, state: str = "done", **values: Any) -> dict[str, Any]:
    """The data of a `purge.run` event."""
    run = {
        "id": ident or str(uuid.uuid4()),
        "policy": None,
        "cause": "endpoint",
        "state": state,
        "detail": "",
        "dry_run": False,
        "needs_approval": False,
        "planned_count": 0,
        "planned_bytes": 0,
        "deleted_count": 0,
        "kept_count": 0,
        "failed_count": 0,
        "bytes_freed": 0,
        "summary": {},
        "created_at": "2026-11-24T22:00:00.000Z",
        "finished_at": None,
    }
    return {"run": {**run, **values}}


def line_report(run: str, *studies: dict[str, Any]) -> dict[str, Any]:
    """The data of a `purge.study` event."""
    base = {"outcome": "deleted", "reason": "", "detail": "", "at": "2026-11-24T22:00:01.000Z"}
    return {"run": run, "studies": [{**base, **study} for study in studies]}
