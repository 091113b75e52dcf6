"""Forwarding rules and every version that they had."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from orthanc_console.nodes.models import Node
from routing.models.destination import Destination


class Enforcement(models.TextChoices):
    ACTIVE = "active", _("Active")
    DRY_RUN = "dry_run", _("Dry run")
    DISABLED = "disabled", _("Disabled")


class Level(models.TextChoices):
    STUDY = "study", _("whole studies")
    SERIES = "series", _("only the series that match")


class LateArrivals(models.TextChoices):
    DELTA = "delta", _("send the new images")
    WHOLE = "whole", _("send the whole study again")
    IGNORE = "ignore", _("send nothing more")


class Priority(models.TextChoices):
    URGENT = "urgent", _("urgent")
    NORMAL = "normal", _("normal")
    LOW = "low", _("low")


class Rule(models.Model):
    """A named condition, and the destinations that what fulfils it is forwarded to."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    position = models.PositiveIntegerField(_("position"), default=0, db_index=True)
    enforcement = models.CharField(
        _("enforcement"), max_length=10, choices=Enforcement.choices, default=Enforcement.ACTIVE
    )
    level = models.CharField(
        _("forwards"), max_length=10, choices=Level.choices, default=Level.STUDY
    )
    expression = models.TextField(_("condition"), max_length=4000)
    destinations = models.ManyToManyField(
        Destination, verbose_name=_("destinations"), related_name="rules"
    )
    nodes = models.ManyToManyField(
        Node,
        verbose_name=_("nodes"),
        blank=True,
        related_name="rules",
        help_text=_("Which Orthancs follow this rule. None chosen means all."),
    )
    late_arrivals = models.CharField(
        _("when images arrive later"),
        max_length=10,
        choices=LateArrivals.choices,
        default=LateArrivals.DELTA,
    )
    priority = models.CharField(
        _("priority"), max_length=10, choices=Priority.choices, default=Priority.NORMAL
    )
    stop_on_match = models.BooleanField(_("stop at this rule when it matches"), default=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_matched_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.name


class RuleRevision(models.Model):
    """A rule as it was: what a delivery or a decision refers to."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    author_name = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("rule", "number"), name="revision_once_per_rule"),
        )

    def __str__(self) -> str:
        return f"{self.rule} r{self.number}"
