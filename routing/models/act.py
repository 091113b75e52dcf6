"""What somebody asked for many studies or deliveries at once, so that its outcome can be looked up."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from routing.models.destination import Destination


class Verb(models.TextChoices):
    SEND = "send", _("Send")
    RETRY = "retry", _("Retry")
    CANCEL = "cancel", _("Cancel")


class Act(models.Model):
    """One act of a person. Its nodes are asked by commands, whose results tell what was done and what was not."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(max_length=10, choices=Verb.choices)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    # Of `send`: where to.
    destination = models.ForeignKey(
        Destination, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    destination_name = models.CharField(max_length=64, blank=True)
    # How many the nodes are asked about, and why others were not: reason -> number.
    asked = models.PositiveIntegerField(default=0)
    left = models.JSONField(default=dict)
    # Identifiers of the commands; a node that is deleted takes its own with it.
    commands = models.JSONField(default=list)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.asked}"
