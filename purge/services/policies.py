"""Changing policies and the settings of purging, and the terms that nodes are given."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.models import Node
from orthanc_console.nodes.services import changing_configuration
from purge import schedule
from purge.models import PurgePolicy, PurgeSettings
from purge.models.policy import AgeBasis
from purge.services import cancelling
from routing.language import parse
from routing.models import Delivery, Destination
from routing.models.delivery import State as DeliveryState
from routing.models.rule import Enforcement

OWN_FIELDS = (
    *("name", "enforcement", "expression", "older_than_days", "age_basis", "undated"),
    *("min_days_since_received", "keep_labels", "schedule", "time_zone", "missed"),
    *("max_studies_per_run", "max_bytes_per_run", "studies_per_minute", "hold_minutes"),
    *("needs_approval", "watermark_start", "watermark_stop"),
)
AUDITED = (*OWN_FIELDS, "nodes", "require_delivered_to")
# What can change without another study being meant, or a safeguard less.
HARMLESS = {"name", "schedule", "missed", "hold_minutes"}
SETTINGS_FIELDS = ("endpoint_enabled", "keep_labels", "history_days")
ENFORCED = {
    Enforcement.ACTIVE: _lazy("the policy was made active"),
    Enforcement.DRY_RUN: _lazy("the policy was made a dry run"),
    Enforcement.DISABLED: _lazy("the policy was disabled"),
}
LONGEST_LABEL = 64
SHOWN_RUNS = 5

Errors = dict[str, list[str]]


def save(
    actor: User,
    policy: PurgePolicy,
    *,
    nodes: Iterable[Node],
    require_delivered_to: Iterable[Destination],
) -> PurgePolicy:
    """Create the policy or save its changes as a new revision.

    When it means something else from now on, its runs that are not over are cancelled; `cancelled_runs` says how many.

    Raises:
        ValidationError: field -> messages; or it was changed since `policy` was loaded.
    """
    limited, required = list(nodes), list(require_delivered_to)
    with changing_configuration():
        stored = PurgePolicy.objects.filter(pk=policy.pk).first()
        if stored and stored.revision != policy.revision:
            raise ValidationError(
                _("Somebody else changed this policy meanwhile. Look at it again, then change it.")
            )
        before = log.snapshot(stored, AUDITED) if stored else {}
        check(policy, limited, required)
        if stored is None or _starts_anew(stored, policy):
            # What was due before is not made up for.
            policy.scheduled_until = timezone.now()
        else:
            policy.scheduled_until = stored.scheduled_until
        policy.revision = stored.revision + 1 if stored else 1
        policy.cancelled_runs = 0
        policy.node_count, policy.required_count = len(limited), len(required)
        policy.saved_by = actor
        policy.save()
        policy.nodes.set(limited)
        policy.require_delivered_to.set(required)
        changes = log.difference(before, log.snapshot(policy, AUDITED))
        verb = "purge_policy.changed" if stored else "purge_policy.created"
        log.record(actor, verb, policy, changes=changes)
        if stored and changes.keys() - HARMLESS:
            _withdraw_runs(actor, policy, "enforcement" in changes)
    return policy


def _withdraw_runs(actor: User, policy: PurgePolicy, enforced: bool) -> None:
    """End the runs that were begun under other terms, on their nodes, too."""
    policy.terms_key = uuid.uuid4()
    policy.save(update_fields=["terms_key"])
    why = ENFORCED[Enforcement(policy.enforcement)] if enforced else _("the policy was changed")
    policy.cancelled_runs = cancelling.cancel_all(actor, policy, str(why))


def in_force(node: Node) -> list[PurgePolicy]:
    """The policies that may delete on a node; none while purging waits."""
    if PurgeSettings.load().waits_since is not None:
        return []
    active = PurgePolicy.objects.filter(enforcement=Enforcement.ACTIVE)
    return list(active.filter(Q(node_count=0) | Q(nodes=node)))


def delete(actor: User, policy: PurgePolicy) -> None:
    """Delete the policy; its runs stay in the history under its name.

    Raises:
        ValidationError: one of its runs is not over.
    """
    with changing_configuration():
        if any(run.open for run in policy.runs.all()):
            raise ValidationError(_("A run of it is not over. Cancel it first."))
        changes = log.difference(log.snapshot(policy, AUDITED), {})
        log.record(actor, "purge_policy.deleted", policy, changes=changes)
        policy.delete()


def set_enforcement(actor: User, policy: PurgePolicy, enforcement: str) -> PurgePolicy:
    """Make the policy active, a dry run or disabled.

    Raises:
        ValidationError: there is no such enforcement.
    """
    with changing_configuration():
        fresh = PurgePolicy.objects.get(pk=policy.pk)
        fresh.enforcement = enforcement
        return save(
            actor,
            fresh,
            nodes=fresh.nodes.all(),
            require_delivered_to=fresh.require_delivered_to.all(),
        )


def save_settings(actor: User, settings: PurgeSettings) -> PurgeSettings:
    """Save what holds for all purging.

    Raises:
        ValidationError: field -> messages.
    """
    with changing_configuration():
        before = log.snapshot(PurgeSettings.load(), SETTINGS_FIELDS)
        settings.pk = 1
        if errors := _label_errors(settings.keep_labels):
            raise ValidationError({"keep_labels": errors})
        settings.full_clean(validate_unique=False)
        settings.save()
        changes = log.difference(before, log.snapshot(settings, SETTINGS_FIELDS))
        log.record(actor, "purge_settings.changed", settings, changes=changes)
    return settings


def check(
    policy: PurgePolicy, nodes: Sequence[Node], require_delivered_to: Sequence[Destination]
) -> None:
    """Check a policy without saving it; writes its condition in the normal form.

    Raises:
        ValidationError: field -> messages.
    """
    errors: Errors = {}
    try:
        policy.full_clean(exclude=["saved_by"])
    except ValidationError as error:
        errors.update(error.message_dict)
    if "expression" not in errors:
        parsed = parse(policy.expression)
        if parsed.errors:
            errors["expression"] = [f"{e.message} {e.suggestion}".strip() for e in parsed.errors]
        else:
            policy.expression = parsed.text
    if labels := _label_errors(policy.keep_labels):
        errors["keep_labels"] = labels
    errors.update(_schedule_errors(policy))
    if wrong := _watermark_error(policy):
        errors["watermark_stop"] = [wrong]
    if wrong := _destination_error(nodes, require_delivered_to):
        errors["require_delivered_to"] = [wrong]
    if errors:
        raise ValidationError(errors)


def next_runs(policy: PurgePolicy, count: int = SHOWN_RUNS) -> list[datetime]:
    """When it runs next; empty without a schedule, or when it is disabled."""
    if not policy.schedule or policy.enforcement == Enforcement.DISABLED:
        return []
    return next_times(policy.schedule, policy.time_zone, count)


def next_times(text: str, time_zone: str, count: int = SHOWN_RUNS) -> list[datetime]:
    """The next due times of a schedule; empty when it cannot be read."""
    try:
        return list(islice(schedule.times(text, time_zone, timezone.now()), count))
    except schedule.ScheduleError:
        return []


def concerned_nodes(policy: PurgePolicy) -> list[Node]:
    """The nodes that the policy runs on.

    Raises:
        ValidationError: it was limited to nodes that were deleted, which must not make it mean every node.
    """
    chosen = list(policy.nodes.all())
    if policy.node_count and not chosen:
        raise ValidationError(
            _("The nodes that this policy was limited to are gone. Save it again with others.")
        )
    return chosen or list(Node.objects.all())


def terms(policy: PurgePolicy, node: Node | None = None) -> dict[str, Any]:
    """SPEC of docs/protocol.md: what a node is to go by, with the age worked out in the policy's time zone.

    Raises:
        ValidationError: a destination that must have the studies was deleted, or the condition cannot be read any more.
    """
    required = sorted(policy.require_delivered_to.values_list("pk", flat=True)) if policy.pk else []
    if policy.pk and len(required) < policy.required_count:
        raise ValidationError(
            _("A destination that must have the studies was deleted. Save the policy again.")
        )
    parsed = parse(policy.expression)
    if parsed.tree is None:
        raise ValidationError({"expression": [each.message for each in parsed.errors]})
    now = timezone.now()
    today = now.astimezone(schedule.zone(policy.time_zone)).date()
    last = today - timedelta(days=policy.older_than_days + 1)
    return {
        "basis": policy.age_basis,
        "last_date": f"{last:%Y%m%d}" if policy.age_basis == AgeBasis.STUDY_DATE else "",
        "cutoff": (now - timedelta(days=policy.older_than_days)).timestamp(),
        "undated": policy.undated,
        "condition": None if policy.expression.strip() == "true" else parsed.tree,
        "min_days_since_received": policy.min_days_since_received,
        "keep_labels": policy.keep_labels,
        "verified_at": required,
        "max_studies": policy.max_studies_per_run,
        "max_bytes": policy.max_bytes_per_run,
        "per_minute": policy.studies_per_minute,
        "watermark": _watermark(policy),
        "dry_run": policy.enforcement != Enforcement.ACTIVE,
        "only_live": False,
        **(_failures(node) if node else {"failed_studies": []}),
        "made_at": now.timestamp(),
    }


def kept_labels(node: Node) -> list[str]:
    """The labels that protect on a node also from the scripts' endpoint: those of the settings and of its policies."""
    concerned = Q(nodes=None) | Q(nodes=node)
    policies = PurgePolicy.objects.filter(concerned).exclude(enforcement=Enforcement.DISABLED)
    lists = [PurgeSettings.load().keep_labels, *policies.values_list("keep_labels", flat=True)]
    return sorted({label for labels in lists for label in labels})


def _failures(node: Node) -> dict[str, Any]:
    """Failed deliveries: a node forgets them after some months, or with its state file; the console does not."""
    found: dict[str, list[str]] = {}
    old = set()
    failed = Delivery.objects.filter(state=DeliveryState.FAILED, study__deleted_at=None)
    rows = failed.filter(node=node).order_by("created_at")
    for study, ident, at in rows.values_list("study__orthanc_id", "pk", "created_at"):
        found.setdefault(study, []).append(str(ident))
        if at < timezone.now() - timedelta(days=60):
            old.add(study)
    # Plugins before the second of these go by the first.
    return {"failed_studies": sorted(old), "failed_deliveries": found}


def _watermark(policy: PurgePolicy) -> list[int] | None:
    if policy.watermark_start is None or policy.watermark_stop is None:
        return None
    return [policy.watermark_start, policy.watermark_stop]


def _starts_anew(stored: PurgePolicy, policy: PurgePolicy) -> bool:
    return (
        stored.schedule != policy.schedule
        or stored.time_zone != policy.time_zone
        or (stored.enforcement == Enforcement.DISABLED) != (policy.enforcement == "disabled")
    )


def _schedule_errors(policy: PurgePolicy) -> Errors:
    try:
        schedule.zone(policy.time_zone)
    except schedule.ScheduleError as error:
        return {"time_zone": [str(error)]}
    try:
        if policy.schedule:
            next(schedule.times(policy.schedule, policy.time_zone, timezone.now()))
    except schedule.ScheduleError as error:
        return {"schedule": [str(error)]}
    return {}


def _watermark_error(policy: PurgePolicy) -> str:
    start, stop = policy.watermark_start, policy.watermark_stop
    if (start is None) != (stop is None):
        return _("Give both, where it starts and where it stops, or neither.")
    if start is not None and stop is not None and stop >= start:
        return _("It must stop below the percentage at which it starts.")
    return ""


def _destination_error(nodes: Sequence[Node], destinations: Sequence[Destination]) -> str:
    for destination in destinations:
        if destination.gone_at is not None:
            return _("%(name)s is not there any more.") % {"name": destination}
        served = list(destination.nodes.all())
        missing = [node for node in nodes or Node.objects.all() if served and node not in served]
        if missing:
            return _("%(node)s does not know %(name)s, so it could never tell.") % {
                "node": missing[0],
                "name": destination,
            }
    return ""


def _label_errors(labels: Any) -> list[str]:
    right = isinstance(labels, list) and all(
        isinstance(each, str) and 0 < len(each.strip()) <= LONGEST_LABEL for each in labels
    )
    return [] if right else [_("Give a list of labels, each of 1 to 64 characters.")]
