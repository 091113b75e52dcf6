"""DIMSE status codes of C-STORE (DICOM PS3.4, B.2.3, and PS3.7, annex C). Pure functions."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from routing.explain.explanation import Explanation

_STATUS = re.compile(r"DIMSE status 0x([0-9a-f]{4})", re.IGNORECASE)

TOO_FULL = Explanation(
    _("The destination refused it for want of room or memory."),
    _("Free space at the destination, or let it take fewer at a time."),
)
NOT_THAT_KIND = Explanation(
    _("The destination does not take this kind of image."),
    _("Let the destination accept it, or leave such series out by the rule."),
)
NOT_UNDERSTOOD = Explanation(
    _("The destination could not understand an image: it finds something wrong in it."),
    _(
        "Its log says what. Trying again rarely helps: mend or delete the image in Orthanc, then retry."
    ),
)
ITS_OWN_TROUBLE = Explanation(
    _("The destination failed while it stored an image; it does not say why."),
    _("The destination's log says why."),
)


class Status(NamedTuple):
    """A range of codes under one name of the standard: those that are `code` where the bits of `mask` are set."""

    code: int
    mask: int
    name: str
    explanation: Explanation


STATUSES = (
    Status(0xA700, 0xFF00, "Refused: Out of resources", TOO_FULL),
    Status(
        0xA900,
        0xFF00,
        "Error: Data Set does not match SOP Class",
        Explanation(
            _("The destination finds that an image does not have what its kind must have."),
            _("Its log says what. Mend or delete the image in Orthanc, then retry."),
        ),
    ),
    Status(0xC000, 0xF000, "Error: Cannot understand", NOT_UNDERSTOOD),
    Status(0x0106, 0xFFFF, "Invalid attribute value", NOT_UNDERSTOOD),
    Status(0x0110, 0xFFFF, "Processing failure", ITS_OWN_TROUBLE),
    Status(
        0x0111,
        0xFFFF,
        "Duplicate SOP instance",
        Explanation(
            _("The destination has an image already, and takes none twice."),
            _("Let it accept what it has already; Orthanc from 1.12.4 on passes over this answer."),
        ),
    ),
    Status(0x0117, 0xFFFF, "Invalid object instance", NOT_UNDERSTOOD),
    Status(0x0119, 0xFFFF, "Class-instance conflict", NOT_UNDERSTOOD),
    Status(0x0122, 0xFFFF, "Refused: SOP class not supported", NOT_THAT_KIND),
    Status(
        0x0124,
        0xFFFF,
        "Refused: Not authorized",
        Explanation(
            _("The destination does not allow Orthanc to store there."),
            _("Give %(our_aet)s the right to store at the destination."),
        ),
    ),
    Status(0x0210, 0xFFFF, "Duplicate invocation", ITS_OWN_TROUBLE),
    Status(0x0211, 0xFFFF, "Unrecognized operation", NOT_THAT_KIND),
    Status(0x0212, 0xFFFF, "Mistyped argument", NOT_UNDERSTOOD),
)


def status_in(words: str) -> Explanation | None:
    """What the status code in an error of Orthanc means; None where it has none."""
    found = _STATUS.search(words)
    if found is None:
        return None
    code = int(found[1], 16)
    shown = f"0x{code:04X}"
    for status in STATUSES:
        if code & status.mask == status.code:
            return status.explanation._replace(status=f"{shown} {status.name}")
    return ITS_OWN_TROUBLE._replace(status=shown)
