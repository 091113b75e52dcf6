"""Purge policies: which studies go when, and what always keeps one."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from orthanc_console.nodes.models import Node
from routing.models import Destination
from routing.models.rule import Enforcement


class AgeBasis(models.TextChoices):
    STUDY_DATE = "study_date", _("the study date")
    RECEIVED = "received", _("the reception of the first image")
    UPDATED = "updated", _("the last change in Orthanc")


class Undated(models.TextChoices):
    KEEP = "keep", _("keep it")
    RECEIVED = "received", _("count from its reception instead")


class Missed(models.TextChoices):
    LATE = "late", _("run once, late")
    SKIP = "skip", _("skip it, with a note")


GIGABYTE = 1024**3
LONGEST_DAYS = 36_500


class PurgePolicy(models.Model):
    """A condition, an age, a schedule, and limits to what one run may delete."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    enforcement = models.CharField(
        _("enforcement"), max_length=10, choices=Enforcement.choices, default=Enforcement.DRY_RUN
    )
    expression = models.TextField(_("condition"), max_length=4000, default="true")
    older_than_days = models.PositiveIntegerField(
        _("older than (days)"), validators=[MaxValueValidator(LONGEST_DAYS)]
    )
    age_basis = models.CharField(
        _("age counted from"), max_length=10, choices=AgeBasis.choices, default=AgeBasis.STUDY_DATE
    )
    undated = models.CharField(
        _("a study without a study date"),
        max_length=10,
        choices=Undated.choices,
        default=Undated.KEEP,
    )
    min_days_since_received = models.PositiveIntegerField(
        _("days since its last image came"),
        default=1,
        validators=[MaxValueValidator(LONGEST_DAYS)],
    )
    keep_labels = models.JSONField(_("labels that protect"), default=list, blank=True)
    require_delivered_to = models.ManyToManyField(
        Destination,
        verbose_name=_("only when verified at"),
        blank=True,
        related_name="purge_policies",
    )
    # A destination or node that is deleted must not widen what is deleted, so their number is kept, too.
    required_count = models.PositiveIntegerField(default=0, editable=False)
    node_count = models.PositiveIntegerField(default=0, editable=False)
    nodes = models.ManyToManyField(
        Node,
        verbose_name=_("nodes"),
        blank=True,
        related_name="purge_policies",
        help_text=_("Which Orthancs it concerns. None chosen means all."),
    )
    schedule = models.CharField(_("schedule"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    missed = models.CharField(
        _("a run that was missed"), max_length=10, choices=Missed.choices, default=Missed.LATE
    )
    max_studies_per_run = models.PositiveIntegerField(
        _("studies a run"), default=1000, validators=[MinValueValidator(1)]
    )
    max_bytes_per_run = models.PositiveBigIntegerField(
        _("bytes a run"), default=500 * GIGABYTE, validators=[MinValueValidator(1)]
    )
    studies_per_minute = models.PositiveIntegerField(
        _("studies a minute"), default=600, validators=[MaxValueValidator(60_000)]
    )
    hold_minutes = models.PositiveIntegerField(
        _("hold (minutes)"), default=30, validators=[MaxValueValidator(7 * 24 * 60)]
    )
    needs_approval = models.BooleanField(_("a second person must approve each run"), default=False)
    watermark_start = models.PositiveSmallIntegerField(
        _("start above (% of the disk)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(99)],
    )
    watermark_stop = models.PositiveSmallIntegerField(
        _("stop below (% of the disk)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(99)],
    )
    # Whoever saved it last does not approve its scheduled runs.
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    # Another one whenever something else is meant: a run goes on only while its policy still has the one that it began with.
    terms_key = models.UUIDField(default=uuid.uuid4, editable=False)
    # Due times up to here are dealt with.
    scheduled_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # How many runs the last save has cancelled; not stored.
    cancelled_runs = 0

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "purge policies"

    def __str__(self) -> str:
        return self.name
