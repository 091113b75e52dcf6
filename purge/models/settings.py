"""What holds for all purging, and when the scheduler was last seen."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class PurgeSettings(models.Model):
    """The one row of settings."""

    endpoint_enabled = models.BooleanField(_("answer /purge-old-studies"), default=True)
    keep_labels = models.JSONField(_("labels that protect"), default=list, blank=True)
    history_days = models.PositiveIntegerField(
        _("keep the history (days)"), null=True, blank=True, help_text=_("Empty means for ever.")
    )

    # Since a restore: nothing is deleted by a policy until an administrator lets it go on.
    waits_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "purge settings"

    def __str__(self) -> str:
        return "purge settings"

    @classmethod
    def load(cls) -> PurgeSettings:
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class SchedulerBeat(models.Model):
    """The one row that says when the scheduler last ran, and what went wrong then."""

    seen_at = models.DateTimeField()
    error = models.TextField(blank=True)
    failed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"scheduler, seen {self.seen_at}"
