"""How long history is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FEWEST_DAYS, MOST_DAYS = 7, 36_500


def _days(
    words: StrOrPromise, default: int | None, help_text: StrOrPromise, fewest: int = FEWEST_DAYS
) -> models.PositiveIntegerField[Any, Any]:
    return models.PositiveIntegerField(
        words,
        default=default,
        null=True,
        blank=True,
        help_text=help_text,
        validators=[MinValueValidator(fewest), MaxValueValidator(MOST_DAYS)],
    )


class RetentionSettings(models.Model):
    """The one row of settings: days for each kind of history, None for ever. Also how far today's round is."""

    deliveries_days = _days(
        _("deliveries"),
        365,
        _("With their attempts. Those that wait, and failed ones of studies that are there, stay."),
    )
    events_days = _days(
        _("timelines"), 365, _("What nodes reported, and how rules decided about each study.")
    )
    studies_days = _days(
        _("deleted studies"), 365, _("Counted from when Orthanc no longer had them.")
    )
    moves_days = _days(_("C-MOVEs"), 365, _("With the webhooks that were told of them."))
    webhooks_days = _days(
        _("webhook messages"), 90, _("With each request and answer. Those that wait stay.")
    )
    requests_days = _days(
        _("requests to nodes"), 180, _("Retries, cancellations, sending by hand, echoes.")
    )
    backtests_days = _days(_("replays of rules"), 90, _("The rules themselves always stay."))
    sign_ins_days = _days(
        _("sign-ins"), 90, _("With tokens that were revoked or have expired for so long.")
    )
    audit_days = _days(
        _("audit trail"), None, _("Look up how long the law wants it before you limit it."), 90
    )
    # Of the round that was finished last, and of the one that goes on.
    finished_at = models.DateTimeField(null=True, editable=False)
    removed = models.JSONField(default=dict, editable=False)
    removed_so_far = models.JSONField(default=dict, editable=False)
    # Until then another process is at it.
    busy_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "retention settings"

    def __str__(self) -> str:
        return "retention settings"

    @classmethod
    def load(cls) -> RetentionSettings:
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    def late(self, now: datetime) -> bool:
        """Whether nothing was removed for two days, so that the scheduler does not seem to run."""
        return self.finished_at is None or abs((now - self.finished_at).days) >= 2
