"""Purging's part of the call that nodes make; see orthanc_console.agent.capabilities."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from orthanc_console.agent import reading
from orthanc_console.agent.messages import Incoming
from orthanc_console.agent.reading import BadData
from orthanc_console.nodes.models import Node
from purge.models import PurgedStudy, PurgePolicy, PurgeRun, PurgeSettings
from purge.models.run import Cause, Outcome, State
from purge.services import trail
from purge.services.policies import in_force, kept_labels
from routing.models import Study

LONGEST_DETAIL = 4000
TAKEN_STATES = (State.PLANNING, State.HELD, State.RUNNING)
# What a node reports and what it says of itself come in different calls.
SETTLED = timedelta(minutes=2)
LOST = "The node does not know this run any more: its state file was replaced. What was not deleted until then stays."
MIRRORED = (
    *("study_id", "outcome", "reason", "detail", "at", "study_instance_uid", "patient_id"),
    *("patient_name", "accession_number", "study_date", "study_description", "modalities"),
    *("instance_count", "series_count", "size_bytes", "verified", "last_seq"),
)


def config_for(node: Node) -> dict[str, Any]:
    """`purge` of docs/protocol.md."""
    enabled = PurgeSettings.load().endpoint_enabled
    policies = {str(policy.pk): str(policy.terms_key) for policy in in_force(node)}
    return {"purge": {"endpoint": enabled, "keep_labels": kept_labels(node), "policies": policies}}


def receive_status(node: Node, status: dict[str, Any]) -> list[str]:
    """End the runs that the node does not know any more, because its state file was lost; else no other could begin."""
    purge = status.get("purge")
    known = purge.get("open_runs") if isinstance(purge, dict) else None
    if not isinstance(known, list) or status.get("outbox") != 0:
        return []
    try:
        ids = [uuid.UUID(str(each)) for each in known]
    except ValueError:
        return ["“open_runs” is not a list of UUIDs."]
    now = timezone.now()
    lost = PurgeRun.objects.filter(
        node=node, state__in=TAKEN_STATES, created_at__lt=now - SETTLED
    ).exclude(pk__in=ids)
    lost.update(state=State.CANCELLED, finished_at=now, detail=LOST)
    return []


def take_runs(node: Node, events: list[Incoming]) -> None:
    """`purge.run`: create or update runs; the newest report of each counts."""
    for event in sorted(events, key=lambda event: event.seq):
        try:
            _take_run(node, event)
        except BadData as error:
            event.problem = str(error)


def _take_run(node: Node, event: Incoming) -> None:
    data = reading.mapping(event.data, "run")
    ident = reading.identifier(data, "id")
    state = reading.needed_text(data, "state", 10)
    if state not in State.values:
        raise BadData(f"“{state}” is no state of a purge run.")
    known_runs = PurgeRun.objects.select_for_update()
    run = known_runs.filter(pk=ident).first() or _new_run(node, event, ident, data)
    if run.node_id != node.pk:
        raise BadData("Another node has reported a purge run with this identifier.")
    if run.last_seq >= event.seq:
        return
    run.state = state
    known = "" if run.detail in (LOST, run.cancelling) else run.detail
    run.detail = reading.text(data, "detail", LONGEST_DETAIL) or known
    if run.cancelling and (run.open or state == State.CANCELLED):
        run.detail = run.cancelling
    for field in ("planned_count", "deleted_count", "kept_count", "failed_count"):
        setattr(run, field, reading.count(data, field))
    for field in ("planned_bytes", "bytes_freed"):
        setattr(run, field, reading.number(data, field, reading.LARGEST_NUMBER) or 0)
    for field in ("planned_at", "hold_until", "started_at", "finished_at"):
        setattr(run, field, reading.moment(data, field))
    run.dry_run = reading.truth(data, "dry_run")
    run.summary = reading.mapping(data, "summary")
    run.last_seq = event.seq
    run.save()
    trail.record_end(run)


def _new_run(node: Node, event: Incoming, ident: uuid.UUID, data: dict[str, Any]) -> PurgeRun:
    """A run that the node began by itself, or one whose row is gone."""
    about = reading.mapping(data, "policy")
    cause = reading.text(data, "cause", 10)
    policy = reading.number(about, "id", reading.LARGEST_NUMBER) or 0
    return PurgeRun(
        id=ident,
        node=node,
        policy=PurgePolicy.objects.filter(pk=policy).first(),
        policy_name=reading.text(about, "name", 100),
        policy_revision=reading.count(about, "revision"),
        cause=cause if cause in Cause.values else Cause.ENDPOINT,
        needs_approval=reading.truth(data, "needs_approval"),
        created_at=reading.moment(data, "created_at") or event.at,
        last_seq=-1,
    )


def take_studies(node: Node, events: list[Incoming]) -> None:
    """`purge.study`: what became of studies; the newest report of each study in a run counts."""
    newest: dict[tuple[uuid.UUID, str], PurgedStudy] = {}
    for event in sorted(events, key=lambda event: event.seq):
        try:
            run = reading.identifier(event.data, "run")
            lines = [_line(run, event, each) for each in reading.mappings(event.data, "studies")]
        except BadData as error:
            event.problem = str(error)
            continue
        # The lines are kept once, in their own table.
        event.data = {"run": str(run), "count": len(lines)}
        newest.update({(run, line.orthanc_id): line for line in lines})
    _make_missing_runs(node, newest)
    lines = _newer(node, list(newest.values()))
    _link(node, lines)
    PurgedStudy.objects.bulk_create(
        lines,
        update_conflicts=True,
        unique_fields=["run", "orthanc_id"],
        update_fields=MIRRORED,
    )


def _line(run: uuid.UUID, event: Incoming, data: dict[str, Any]) -> PurgedStudy:
    outcome = reading.needed_text(data, "outcome", 10)
    if outcome not in Outcome.values:
        raise BadData(f"“{outcome}” is nothing that becomes of a study.")
    return PurgedStudy(
        run_id=run,
        orthanc_id=reading.needed_text(data, "study", 44),
        outcome=outcome,
        reason=reading.text(data, "reason", 40),
        detail=reading.text(data, "detail", LONGEST_DETAIL),
        at=reading.moment(data, "at") or event.at,
        study_instance_uid=reading.text(data, "study_instance_uid", 64),
        patient_id=reading.text(data, "patient_id", 64),
        patient_name=reading.text(data, "patient_name", 325),
        accession_number=reading.text(data, "accession_number", 64),
        study_date=reading.text(data, "study_date", 16),
        study_description=reading.text(data, "study_description", 255),
        modalities=reading.texts(data, "modalities", 16),
        instance_count=reading.number(data, "instance_count"),
        series_count=reading.number(data, "series_count"),
        size_bytes=reading.number(data, "size_bytes", reading.LARGEST_NUMBER),
        verified=reading.mappings(data, "verified"),
        last_seq=event.seq,
    )


def _make_missing_runs(node: Node, lines: dict[tuple[uuid.UUID, str], PurgedStudy]) -> None:
    """The report of a run may come after that of its studies, and fills the row then."""
    wanted = {run: line for (run, _study), line in lines.items()}
    known = set(PurgeRun.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    for run in wanted.keys() - known:
        PurgeRun.objects.create(
            id=run,
            node=node,
            cause=Cause.ENDPOINT,
            state=State.PLANNING,
            created_at=wanted[run].at,
            last_seq=-1,
        )


def _newer(node: Node, lines: list[PurgedStudy]) -> list[PurgedStudy]:
    """Those that are of this node's runs and not older than what is stored."""
    runs = {line.run_id for line in lines}
    own = set(PurgeRun.objects.filter(pk__in=runs, node=node).values_list("pk", flat=True))
    stored = {
        (run, study): seq
        for run, study, seq in PurgedStudy.objects.filter(
            run__in=own, orthanc_id__in=[line.orthanc_id for line in lines]
        ).values_list("run_id", "orthanc_id", "last_seq")
    }
    return [
        line
        for line in lines
        if line.run_id in own and stored.get((line.run_id, line.orthanc_id), -1) < line.last_seq
    ]


def _link(node: Node, lines: list[PurgedStudy]) -> None:
    """Tie lines to the studies that the console knows, and note there which are deleted."""
    rows = Study.objects.filter(node=node, orthanc_id__in=[line.orthanc_id for line in lines])
    known = dict(rows.values_list("orthanc_id", "pk"))
    gone: dict[int, list[PurgedStudy]] = defaultdict(list)
    for line in lines:
        line.study_id = known.get(line.orthanc_id)
        if line.outcome == Outcome.DELETED and line.study_id:
            gone[line.last_seq].append(line)
    for seq, together in gone.items():
        # What one event tells happened within a second.
        older = Study.objects.filter(pk__in=[line.study_id for line in together], last_seq__lt=seq)
        older.update(deleted_at=max(line.at for line in together), last_seq=seq)


EVENT_HANDLERS = {"purge.run": take_runs, "purge.study": take_studies}
