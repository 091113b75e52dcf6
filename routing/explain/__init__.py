"""Plain words for states, reasons and the errors of Orthanc and DICOM. Pure functions."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from routing.explain.about import About, about
from routing.explain.errors import UNKNOWN, error
from routing.explain.explanation import Explanation, Text

__all__ = ["UNKNOWN", "About", "Explanation", "about", "error", "reason", "state"]

STATES: dict[str, Text] = {
    "waiting": _("It waits for its turn or for its next attempt."),
    "sending": _("Orthanc is sending it now."),
    "delivered": _("Every instance was sent, and the destination accepted it."),
    "verified": _("The destination itself confirmed that it has every instance."),
    "failed": _("It was given up. Retry sends it again."),
    "cancelled": _("It was cancelled. Retry sends it again."),
    "skipped": _("Nothing was sent, on purpose."),
    "held": _("Nothing is sent until its destination may be used again."),
}

REASONS: dict[str, Text] = {
    "loop_guard": _("The study came from this destination, so it is not sent back."),
    "dry_run": _("The rule is a dry run: it decides and records, and sends nothing."),
    "already_there": _("The destination has every instance already."),
    "paused": _("The destination is paused."),
    "disabled": _("The destination is disabled."),
    "destination_gone": _(
        "Orthanc does not have the destination any more. It is sent when that is back; until then you can cancel it."
    ),
    "outside_hours": _(
        "The destination takes studies only in its hours; it is sent when they begin."
    ),
    "permanent": _("Trying again cannot help until somebody changes something."),
    "gave_up": _("Every attempt of seven days failed."),
    "study_gone": _("Orthanc does not have the study any more."),
    "not_verified": _(
        "The destination accepted every instance and yet does not have all of them, also after they were sent again."
    ),
    "by_hand": _("Somebody cancelled it."),
    "destination_removed": _("Its destination was removed while it waited."),
    "taken_over": _(
        "Another Orthanc on the same index delivers it, because this one was silent for too long."
    ),
}


def state(code: str) -> Text:
    """What a delivery state means, as a sentence; empty for an unknown one."""
    return STATES.get(code, "")


def reason(code: str) -> Text:
    """Why a delivery was skipped, held or given up, as a sentence; an unknown code as it is."""
    return REASONS.get(code, code)
