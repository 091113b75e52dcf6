"""Starting, approving, changing and cancelling runs. The node carries them out: each act is a command to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Command, Node
from purge.models import PurgePolicy, PurgeRun
from purge.models.run import OPEN_STATES, Cause, State
from purge.services import cancelling, policies, trail, waiting
from routing.models import Destination
from routing.models.rule import Enforcement

# A node that does not take a run within this time does not run it at all: what was right to delete may have changed.
TAKEN_WITHIN = timedelta(hours=1)
PREVIEW_SECONDS = 25.0

Act = Callable[[User, PurgeRun], Command]


@dataclass(frozen=True)
class Preview:
    """What a policy would do on one node; `result` has the counts and some of the studies."""

    node: Node
    ok: bool
    detail: str
    result: dict[str, Any]


def start(actor: User, policy: PurgePolicy, nodes: Sequence[Node] | None = None) -> list[PurgeRun]:
    """Run the policy now.

    Args:
        nodes: some of those that it concerns; None means all of them.

    Raises:
        ValidationError: it is disabled, purging waits, it does not concern the node, or a run of it is not over there.
    """
    with transaction.atomic():
        # What it means now, and until the runs are written down.
        fresh = PurgePolicy.objects.select_for_update().get(pk=policy.pk)
        return _start(actor, fresh, nodes)


def _start(actor: User, policy: PurgePolicy, nodes: Sequence[Node] | None) -> list[PurgeRun]:
    if policy.enforcement == Enforcement.DISABLED:
        raise ValidationError(_("The policy is disabled. Make it active, or a dry run, first."))
    if policy.enforcement == Enforcement.ACTIVE and waiting.waits():
        raise ValidationError(waiting.words())
    concerned = policies.concerned_nodes(policy)
    chosen = concerned if nodes is None else list(nodes)
    strange = [node for node in chosen if node not in concerned]
    if strange or not chosen:
        where = strange[0] if strange else _("No node")
        raise ValidationError(_("%(node)s is not concerned by this policy.") % {"node": where})
    for node in chosen:
        if open_run(policy, node):
            raise ValidationError(
                _("A run of it on %(node)s is not over. Cancel it, or wait.") % {"node": node}
            )
    runs = [_request(policy, node, Cause.MANUAL, actor=actor) for node in chosen]
    for run in runs:
        log.record(actor, "purge_run.requested", run)
    return runs


def start_scheduled(policy: PurgePolicy, node: Node, due_at: datetime, note: str = "") -> None:
    """Start what is due, once, however many consoles try."""
    try:
        with transaction.atomic():
            run = _request(policy, node, Cause.SCHEDULE, due_at=due_at, detail=note)
            log.record(None, "purge_run.requested", run, actor_name=trail.SCHEDULER, message=note)
    except IntegrityError:
        # Another console was faster.
        return
    except ValidationError as error:
        skip(policy, node, due_at, " ".join(error.messages), State.REFUSED)


def skip(
    policy: PurgePolicy, node: Node, due_at: datetime, why: str, state: State = State.SKIPPED
) -> None:
    """Note that a run that was due does not take place."""
    now = timezone.now()
    run = _run(policy, node, Cause.SCHEDULE, now, due_at=due_at, state=state, detail=why)
    run.finished_at = now
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            log.record(None, "purge_run.skipped", run, actor_name=trail.SCHEDULER, message=why)
    except IntegrityError:
        return


def skip_untaken(now: datetime) -> None:
    """End the runs that their nodes never took."""
    late = PurgeRun.objects.filter(state=State.REQUESTED, created_at__lt=now - TAKEN_WITHIN)
    why = _("The node did not call the console within an hour, so the run was given up.")
    late.update(state=State.SKIPPED, detail=why, finished_at=now)


def open_run(policy: PurgePolicy, node: Node) -> PurgeRun | None:
    return policy.runs.filter(node=node, state__in=OPEN_STATES).first()


def cancel(actor: User, run: PurgeRun) -> Command:
    """Stop the run: what is not deleted yet stays.

    Raises:
        ValidationError: it is over, or is cancelled already.
    """
    with transaction.atomic():
        run.refresh_from_db(from_queryset=PurgeRun.objects.select_for_update())
        _check_open(run)
        return cancelling.cancel(actor, run)


def approve(actor: User, run: PurgeRun) -> Command:
    """Let a held run begin, as the second person.

    Raises:
        ValidationError: it needs no approval, is approved, not planned, cancelled or over, or the user is the first person.
    """
    with transaction.atomic():
        run.refresh_from_db(from_queryset=PurgeRun.objects.select_for_update())
        _check_open(run)
        if not run.needs_approval or run.approved_at is not None:
            raise ValidationError(_("The run needs no approval, or has it already."))
        if run.state != State.HELD:
            raise ValidationError(
                _("The run is not planned yet, so nobody can tell what it would delete. Try later.")
            )
        first = run.requested_by_id or (run.policy.saved_by_id if run.policy else None)
        if actor.pk == first:
            raise ValidationError(
                _(
                    "You started this run, or saved its policy last. Another administrator approves it."
                )
            )
        run.approved_by_name, run.approved_at = actor.get_username(), timezone.now()
        run.save(update_fields=["approved_by_name", "approved_at"])
        log.record(actor, "purge_run.approved", run, message=trail.planned(run))
        return nodes_services.ask(run.node, "purge_approve", _about(run, actor), actor)


def keep(actor: User, run: PurgeRun, studies: Iterable[str]) -> Command:
    """Take studies out of a run that is held.

    Args:
        studies: their Orthanc identifiers.

    Raises:
        ValidationError: it is not held.
    """
    _check_open(run)
    if run.state != State.HELD:
        raise ValidationError(_("Only a run that is held can be changed."))
    chosen = sorted(set(studies))
    # By their UIDs, as all of the audit trail.
    known = {line.orthanc_id: str(line) for line in run.studies.filter(orthanc_id__in=chosen)}
    named = [known.get(study, study) for study in chosen]
    count = ngettext("%d study taken out", "%d studies taken out", len(chosen)) % len(chosen)
    with transaction.atomic():
        changes = {"keep": [None, named]}
        log.record(actor, "purge_run.changed", run, message=count, changes=changes)
        data = {**_about(run, actor), "studies": chosen}
        return nodes_services.ask(run.node, "purge_keep", data, actor)


def preview(
    actor: User,
    policy: PurgePolicy,
    nodes: Sequence[Node],
    *,
    required: Sequence[Destination] | None = None,
    seconds: float = PREVIEW_SECONDS,
) -> list[Preview]:
    """Ask nodes what the policy would do now; nothing is made. Waits for all of them together.

    Args:
        required: the destinations that must have the studies, of a policy that is not saved.

    Raises:
        ValidationError: the policy cannot be gone by.
    """
    expires = timedelta(seconds=seconds)
    asked: list[tuple[Node, Command | None]] = []
    for node in nodes:
        spec = policies.terms(policy, node)
        if required is not None:
            spec["verified_at"] = sorted(each.pk for each in required)
        data = {"spec": spec}
        command = (
            nodes_services.ask(node, "purge_preview", data, actor, expires) if node.online else None
        )
        asked.append((node, command))
    deadline = time.monotonic() + seconds
    return [_preview(node, command, deadline) for node, command in asked]


def _preview(node: Node, command: Command | None, deadline: float) -> Preview:
    if command is None:
        return Preview(node, False, _("The node is offline and could not be asked."), {})
    nodes_services.wait_for(command, max(0.0, deadline - time.monotonic()))
    if command.finished_at is None:
        return Preview(node, False, _("The node did not answer in time."), {})
    return Preview(node, bool(command.ok), command.detail, command.result)


def _request(policy: PurgePolicy, node: Node, cause: Cause, **values: Any) -> PurgeRun:
    actor = values.pop("actor", None)
    spec = policies.terms(policy, node)
    run = _run(policy, node, cause, timezone.now(), **values)
    run.dry_run = spec["dry_run"]
    run.requested_by = actor
    run.requested_by_name = actor.get_username() if actor else trail.SCHEDULER
    run.save(force_insert=True)
    data = {
        "run": str(run.pk),
        "policy": {
            "id": policy.pk,
            "name": policy.name,
            "revision": policy.revision,
            "terms": str(policy.terms_key),
        },
        "cause": str(cause),
        "spec": spec,
        "hold_minutes": policy.hold_minutes,
        "needs_approval": policy.needs_approval,
    }
    nodes_services.ask(node, "purge_run", data, actor, TAKEN_WITHIN)
    return run


def _run(
    policy: PurgePolicy, node: Node, cause: Cause, created_at: datetime, **values: Any
) -> PurgeRun:
    return PurgeRun(
        policy=policy,
        policy_name=policy.name,
        policy_revision=policy.revision,
        node=node,
        cause=cause,
        needs_approval=policy.needs_approval,
        created_at=created_at,
        **values,
    )


def _check_open(run: PurgeRun) -> None:
    if not run.open:
        state = run.get_state_display().lower()
        raise ValidationError(_("The run is over: it is %(state)s.") % {"state": state})
    if run.cancelling:
        raise ValidationError(_("The run is cancelled already; its node has not reported the end."))


def _about(run: PurgeRun, actor: User) -> dict[str, Any]:
    return {"run": str(run.pk), "by": actor.get_username()}
