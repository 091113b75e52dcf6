"""Orthanc servers that have the plugin, and what the console asks them to do."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orthanc_console import tokens

# The plugin's listening call comes back at least every 20 seconds.
ONLINE_FOR = timedelta(seconds=45)
FIRST_REVISION = 1


class Node(models.Model):
    """One Orthanc server that has the plugin."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    token_digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001
    token_hint = models.CharField(max_length=12, blank=True, editable=False)
    token_created_at = models.DateTimeField(null=True, editable=False)

    last_seen_at = models.DateTimeField(null=True, editable=False)
    orthanc_version = models.CharField(max_length=32, blank=True, editable=False)
    plugin_version = models.CharField(max_length=32, blank=True, editable=False)
    config_revision = models.PositiveBigIntegerField(default=0, editable=False)
    # What the plugin last said of itself: host facts, settings of Orthanc, lanes, queue sizes.
    status = models.JSONField(default=dict, editable=False)
    warnings = models.JSONField(default=list, editable=False)
    # Which state file and which process of Orthanc speak with this token; two of them are a mistake.
    instance = models.CharField(max_length=36, blank=True, editable=False)
    boot = models.CharField(max_length=36, blank=True, editable=False)
    previous_boot = models.CharField(max_length=36, blank=True, editable=False)
    conflict_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def online(self) -> bool:
        """Whether the plugin called within the last 45 seconds."""
        return self.last_seen_at is not None and timezone.now() - self.last_seen_at < ONLINE_FOR

    def new_token(self) -> str:
        """Replace the node's token; returns the secret, which cannot be had again. The old one stops at once."""
        secret = tokens.new_secret("ocn")
        self.token_digest = tokens.digest(secret)
        self.token_hint = tokens.hint(secret)
        self.token_created_at = timezone.now()
        self.save(update_fields=["token_digest", "token_hint", "token_created_at"])
        return secret

    def revoke_token(self) -> None:
        """Refuse the node from now on. Its Orthanc keeps forwarding by the configuration it has."""
        self.token_digest = None
        self.token_hint = ""
        self.save(update_fields=["token_digest", "token_hint"])


class ConfigRevision(models.Model):
    """The one row that counts changes of what nodes are told; a node's waiting call ends when it grows."""

    number = models.PositiveBigIntegerField(default=FIRST_REVISION)

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def current(cls) -> int:
        return cls.objects.filter(pk=1).values_list("number", flat=True).first() or FIRST_REVISION

    @classmethod
    def lock(cls) -> None:
        """Wait until no other transaction changes the configuration."""
        cls.objects.select_for_update().get_or_create(pk=1)

    @classmethod
    def bump(cls) -> None:
        """Say that the configuration changed. Call it in the transaction that changes it, after `lock`."""
        cls.objects.filter(pk=1).update(number=F("number") + 1)


class Command(models.Model):
    """Something that a node is asked to do once; sent again until its result arrives."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="commands")
    kind = models.CharField(max_length=32)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # After this nobody waits for the answer any more, and the node is not asked again.
    expires_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    detail = models.TextField(blank=True)
    result = models.JSONField(default=dict)

    class Meta:
        ordering = ("created_at",)
        indexes = (
            models.Index(
                fields=("node", "created_at"),
                condition=models.Q(finished_at=None),
                name="command_waiting",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} on {self.node}"

    def as_message(self) -> dict[str, Any]:
        return {"id": str(self.id), "kind": self.kind, "data": self.data}
