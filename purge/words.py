"""Plain words for why a study was kept, or was not deleted."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, Promise] = {
    "too_young": _("not old enough"),
    "undated": _("without a study date"),
    "no_match": _("the condition does not hold"),
    "undecided": _("the condition cannot be decided"),
    "growing": _("still growing"),
    "recent": _("received too short a time ago"),
    "label": _("has a label that protects"),
    "protected": _("its patient is protected"),
    "live_delivery": _("still being delivered"),
    "failed_delivery": _("a delivery of it failed"),
    "not_verified": _("not verified at every destination"),
    "capped": _("over the limit of one run"),
    "changed": _("changed after the run was planned"),
    "gone": _("somebody else deleted it"),
    "by_hand": _("taken out of the run by hand"),
    "cancelled": _("the run was ended before"),
    "watermark": _("the disk was free enough before"),
    "cannot_tell": _("Orthanc cannot tell"),
    "refused": _("Orthanc refused"),
    "unanswered": _("Orthanc did not answer"),
}


def reason(code: str) -> Promise | str:
    """The reason in words; a code that a newer plugin made up stays as it is."""
    return REASONS.get(code, code)
