"""Purge policies and their runs, as a hospital would have them: for pictures and for looking at pages; made up throughout."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Node
from purge.models import PurgedStudy, PurgePolicy, PurgeRun, SchedulerBeat
from purge.services import policies
from routing.models import Destination, Study

KEPT = ("protected", "live_delivery", "recent", "not_verified", "undecided", "label")


@dataclass(frozen=True)
class Purges:
    """What was made, for whoever needs to find it again."""

    policies: list[PurgePolicy]
    held: PurgeRun
    running: PurgeRun


def fill(
    chance: random.Random,
    admin: User,
    nodes: list[Node],
    destinations: list[Destination],
    studies: list[Study],
    now: datetime,
) -> Purges:
    """Make policies with nightly runs: done, held, running, refused and skipped."""
    pacs = [each for each in destinations if not each.nodes.exists()][:1]
    made = [
        _policy(
            admin, "Everything older than ten years", older_than_days=3652, needs_approval=True
        ),
        _policy(
            *(admin, "Ultrasound cine loops after 90 days, once they are in the archive", pacs),
            older_than_days=90,
            enforcement="active",
            expression='Modality == "US" and InstanceCount > 50',
            keep_labels=["teaching", "trial"],
        ),
        _policy(
            admin,
            "Router: keep the disk below 80 %",
            older_than_days=3,
            age_basis="received",
            enforcement="disabled",
            watermark_start=85,
            watermark_stop=80,
        ),
    ]
    for night in range(2, 14):
        _done(chance, made[1], nodes[night % 2], now - timedelta(days=night), studies)
    _run(made[1], nodes[2], now - timedelta(days=1), state="refused", detail=REFUSED)
    _run(made[0], nodes[0], now - timedelta(days=1, hours=1), state="skipped", detail=SKIPPED)
    held = _run(made[0], nodes[0], now - timedelta(minutes=12), state="held", needs_approval=True)
    _lines(chance, held, studies[:40], "planned", now)
    running = _run(made[1], nodes[0], now - timedelta(minutes=4), state="running")
    _lines(chance, running, studies[40:80], "deleted", now)
    _sum_up(held, planned_count=40, hold_until=now + timedelta(minutes=18))
    _sum_up(running, planned_count=132, started_at=now - timedelta(minutes=2))
    SchedulerBeat.objects.create(pk=1, seen_at=timezone.now())
    return Purges(made, held, running)


REFUSED = (
    "The policy reads labels, and this Orthanc has none (they came with Orthanc 1.12.0, and need a database that stores them). "
    "Nothing was deleted. Take the labels out of the policy, or limit it to other nodes."
)
SKIPPED = "The run before it was not over."


def _policy(
    admin: User, name: str, required: list[Destination] | None = None, **values: Any
) -> PurgePolicy:
    defaults = {"schedule": "0 2 * * *", "time_zone": "Europe/Berlin", "expression": "true"}
    policy = PurgePolicy(name=name, **{**defaults, **values})
    return policies.save(admin, policy, nodes=[], require_delivered_to=required or [])


def _run(policy: PurgePolicy, node: Node, at: datetime, **values: Any) -> PurgeRun:
    return PurgeRun.objects.create(
        policy=policy,
        policy_name=policy.name,
        policy_revision=policy.revision,
        node=node,
        cause="schedule",
        created_at=at,
        due_at=at.replace(second=0, microsecond=0),
        requested_by_name="scheduler",
        planned_at=at + timedelta(seconds=9),
        **values,
    )


def _done(
    chance: random.Random, policy: PurgePolicy, node: Node, at: datetime, studies: list[Study]
) -> None:
    run = _run(policy, node, at, state="done")
    _lines(chance, run, chance.sample(studies, 30), "deleted", at)
    over = {"started_at": at + timedelta(minutes=31), "finished_at": at + timedelta(minutes=44)}
    _sum_up(run, planned_count=run.studies.filter(outcome="deleted").count(), **over)


def _lines(
    chance: random.Random, run: PurgeRun, studies: list[Study], outcome: str, at: datetime
) -> None:
    proof = {"destination": 1, "name": "PACS_ARCHIVE", "at": at.isoformat(timespec="seconds")}
    rows: list[PurgedStudy] = []
    for study in studies:
        reason = chance.choice(KEPT) if chance.random() < 0.3 else ""
        rows.append(
            PurgedStudy(
                run=run,
                study=study,
                orthanc_id=study.orthanc_id,
                outcome="kept" if reason else outcome,
                reason=reason,
                at=at - timedelta(seconds=len(studies) - len(rows)),
                study_instance_uid=study.study_instance_uid,
                patient_id=study.patient_id,
                patient_name=study.patient_name,
                accession_number=study.accession_number,
                study_date=f"{study.study_date:%Y%m%d}" if study.study_date else "",
                study_description=study.study_description,
                modalities=study.modalities,
                instance_count=study.instance_count,
                size_bytes=study.size_bytes,
                verified=[] if reason else [proof],
            )
        )
    PurgedStudy.objects.bulk_create(rows)


def _sum_up(run: PurgeRun, **values: Any) -> None:
    """Make the counts of a run agree with its studies."""
    lines = list(run.studies.all())
    gone = [line for line in lines if line.outcome != "kept"]
    dates = sorted(line.study_date for line in gone if line.study_date)
    kept: dict[str, int] = {}
    for line in lines:
        if line.reason:
            kept[line.reason] = kept.get(line.reason, 0) + 1
    size = sum(line.size_bytes or 0 for line in gone)
    summary = {
        "oldest": dates[0] if dates else "",
        "newest": dates[-1] if dates else "",
        "modalities": {"US": len(gone)},
        "kept": {"too_young": 12_804, **kept},
    }
    counts = {"kept_count": 12_804 + sum(kept.values()), "planned_bytes": size}
    if run.state in ("running", "done"):
        counts |= {"deleted_count": len(gone), "bytes_freed": size}
    for name, value in {"summary": summary, **counts, **values}.items():
        setattr(run, name, value)
    run.save()
