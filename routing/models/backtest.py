"""Replays of rules over the history, which go on in steps while somebody looks at them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from routing.models.rule import Rule


class Backtest(models.Model):
    """One replay: the question, how far it is, and what it has counted."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, null=True, related_name="backtests")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # The rule as it was tried, the saved version, and the rules before it that stop.
    question = models.JSONField()
    days = models.PositiveSmallIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    # The last study that is counted: the replay follows this index.
    reached_at = models.DateTimeField(null=True)
    reached_pk = models.BigIntegerField(default=0)
    # Which step is being made, so that two windows do not count a study twice.
    step = models.PositiveIntegerField(default=0)
    tally = models.JSONField(default=dict)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return str(self.id)
