"""Runs, and what became of each study. The node decides; the console mirrors what it reports."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from orthanc_console.nodes.models import Node
from purge.models.policy import PurgePolicy
from routing.models import Study


class State(models.TextChoices):
    REQUESTED = "requested", _("Asked for")
    PLANNING = "planning", _("Planning")
    HELD = "held", _("Held")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    REFUSED = "refused", _("Refused")
    SKIPPED = "skipped", _("Skipped")


OPEN_STATES = (State.REQUESTED, State.PLANNING, State.HELD, State.RUNNING)


class Cause(models.TextChoices):
    SCHEDULE = "schedule", _("by schedule")
    MANUAL = "manual", _("by hand")
    ENDPOINT = "endpoint", _("by /purge-old-studies")


class Outcome(models.TextChoices):
    PLANNED = "planned", pgettext_lazy("study", "Planned")
    DELETED = "deleted", pgettext_lazy("study", "Deleted")
    KEPT = "kept", pgettext_lazy("study", "Kept")
    FAILED = "failed", pgettext_lazy("study", "Failed")


class PurgeRun(models.Model):
    """One execution of a policy on one node, or one call of the scripts' endpoint there. Times are by the node's clock."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(
        PurgePolicy, on_delete=models.SET_NULL, null=True, related_name="runs"
    )
    policy_name = models.CharField(max_length=100, blank=True)
    policy_revision = models.PositiveIntegerField(default=0)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="purge_runs")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    detail = models.TextField(blank=True)
    # By whom and why it is to end, from when somebody asked until its node has reported the end, and after.
    cancelling = models.TextField(blank=True)
    dry_run = models.BooleanField(default=False)
    planned_count = models.PositiveIntegerField(default=0)
    planned_bytes = models.PositiveBigIntegerField(default=0)
    deleted_count = models.PositiveIntegerField(default=0)
    kept_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    bytes_freed = models.PositiveBigIntegerField(default=0)
    # {"oldest", "newest", "modalities": {name: count}, "kept": {reason: count}}
    summary = models.JSONField(default=dict)
    needs_approval = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_by_name = models.CharField(max_length=150, blank=True)
    approved_by_name = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    # When the schedule wanted it.
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("policy", "node", "due_at"), name="purge_run_once_when_due"
            ),
        )
        indexes = (models.Index(fields=("-created_at", "-id")),)

    def __str__(self) -> str:
        return f"{self.policy_name or self.get_cause_display()} · {self.node}"

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def done_count(self) -> int:
        """Of the planned studies, those that are dealt with."""
        return min(self.planned_count, self.deleted_count + self.failed_count)


MOST_LINES = 20


class PurgedStudy(models.Model):
    """One study of a run: deleted, kept or failed, with its identifiers and counts as they were."""

    run = models.ForeignKey(PurgeRun, on_delete=models.CASCADE, related_name="studies")
    study = models.ForeignKey(
        Study, on_delete=models.SET_NULL, null=True, related_name="purge_lines"
    )
    orthanc_id = models.CharField(max_length=44)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    at = models.DateTimeField()
    study_instance_uid = models.CharField(max_length=64, blank=True, db_index=True)
    patient_id = models.CharField(max_length=64, blank=True, db_index=True)
    patient_name = models.CharField(max_length=325, blank=True)
    accession_number = models.CharField(max_length=64, blank=True, db_index=True)
    study_date = models.CharField(max_length=16, blank=True)
    study_description = models.CharField(max_length=255, blank=True)
    modalities = models.JSONField(default=list)
    instance_count = models.PositiveIntegerField(null=True)
    series_count = models.PositiveIntegerField(null=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    # [{"destination", "name", "at"}]: which destinations were proved to have it.
    verified = models.JSONField(default=list)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name_plural = "purged studies"
        constraints = (
            models.UniqueConstraint(fields=("run", "orthanc_id"), name="purged_study_once_per_run"),
        )
        indexes = (models.Index(fields=("run", "outcome")), models.Index(fields=("-at", "-id")))

    def __str__(self) -> str:
        return self.study_instance_uid or self.orthanc_id


def purged_lines(study: Study) -> models.QuerySet[PurgedStudy]:
    """What the last runs did with a study, newest first."""
    rows = PurgedStudy.objects.filter(study=study).select_related("run__node")
    return rows[:MOST_LINES]
