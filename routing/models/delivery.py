"""Deliveries: which instances go where, why, and what became of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from orthanc_console.nodes.models import Node
from routing.models.destination import Destination
from routing.models.rule import Rule
from routing.models.study import Study


class State(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Sending")
    DELIVERED = "delivered", _("Delivered")
    VERIFIED = "verified", _("Verified")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    SKIPPED = "skipped", _("Skipped")
    HELD = "held", _("Held")


LIVE_STATES = (State.WAITING, State.SENDING, State.HELD)


class Delivery(models.Model):
    """One set of instances of one study to one destination. Decided and numbered by the node; the console mirrors it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without indexes of their own where one of those below begins with the column.
    node = models.ForeignKey(
        Node, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="deliveries")
    destination = models.ForeignKey(
        Destination,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        db_index=False,
    )
    destination_name = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # Why it was skipped, held or cancelled, as a code: loop_guard, dry_run, paused...
    reason = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=10, default="rule")
    attempts = models.PositiveIntegerField(default=0)
    instance_count = models.PositiveIntegerField(default=0)
    delivered_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(help_text="By the node's clock")
    state_changed_at = models.DateTimeField(null=True, help_text="By the node's clock")
    delivered_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=("-created_at", "-id")),
            models.Index(fields=("state", "-created_at")),
            models.Index(fields=("state", "-state_changed_at")),
            models.Index(fields=("node", "-created_at")),
            models.Index(fields=("destination", "-created_at")),
            models.Index(fields=("delivered_at",)),
        )

    def __str__(self) -> str:
        return f"{self.study} → {self.destination_name}"


class DeliveryRule(models.Model):
    """A rule that asked for a delivery, in the version that did."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="rule_links", db_index=False
    )
    rule = models.ForeignKey(
        Rule,
        on_delete=models.SET_NULL,
        null=True,
        related_name="delivery_links",
        db_index=False,
    )
    rule_name = models.CharField(max_length=100)
    revision = models.PositiveIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("delivery", "rule_name", "revision"), name="rule_once_per_delivery"
            ),
        )
        indexes = (models.Index(fields=("rule", "delivery")),)

    def __str__(self) -> str:
        return f"{self.rule_name} r{self.revision}"


class Attempt(models.Model):
    """One try: the job that Orthanc ran, and what the destination said."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="attempt_set", db_index=False
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    instance_count = models.PositiveIntegerField(default=0, help_text="How many it was to send")
    job_id = models.CharField(max_length=36, blank=True)
    outcome = models.CharField(max_length=12, blank=True)  # running, succeeded, failed, lost
    error = models.TextField(blank=True, help_text="In Orthanc's and the destination's own words")
    error_code = models.IntegerField(null=True, help_text="Orthanc's error code")
    permanent = models.BooleanField(default=False)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("delivery", "number"), name="attempt_once_per_delivery"
            ),
        )

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"
