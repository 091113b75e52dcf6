"""Errors in plain words. Pure functions."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydicom.uid import UID

from routing.explain import dimse
from routing.explain.about import About
from routing.explain.explanation import Explanation
from routing.explain.table import BY_CODE, TABLE

UNKNOWN = Explanation(
    gettext_lazy("Orthanc or the destination reported an error that is not in our list."),
    gettext_lazy("Read its own words, and look into the logs of Orthanc and of the destination."),
)

_UNVERIFIED = re.compile(r"Delivered, but not verified(?P<yet> yet)?: (?P<why>.*)", re.DOTALL)
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+\Z")


def error(words: str, code: int | None = None, about: About | None = None) -> Explanation:
    """What an error means and what to do.

    Args:
        words: as Orthanc, the plugin or the destination put it.
        code: Orthanc's error number, when there is one.
        about: who talked to whom, so that the explanation can name them.
    """
    known = about or About()
    unverified = _UNVERIFIED.match(words)
    if unverified:
        return _not_verified(error(unverified["why"], None, known), bool(unverified["yet"]))
    found = dimse.status_in(words)
    if found is not None:
        return _filled(found, known, {})
    lowered = words.lower()
    for entry in TABLE:
        match = re.search(entry.pattern, lowered)
        if match and (not entry.kinds or known.kind in entry.kinds):
            return _filled(entry.explanation, known, match.groupdict())
    return UNKNOWN if code is None else BY_CODE.get(code, UNKNOWN)


def _not_verified(why: Explanation, yet: bool) -> Explanation:
    meaning = _("Everything was sent and accepted, but the destination could not be asked: %(why)s")
    action = _("It is asked again. %(action)s") if yet else "%(action)s"
    return Explanation(meaning % {"why": why.meaning}, action % {"action": why.action}, why.status)


def _filled(explanation: Explanation, about: About, found: dict[str, str | None]) -> Explanation:
    values = {
        "our_aet": _("the AE title %(aet)s") % {"aet": about.our_aet or _("of Orthanc")},
        "their_aet": f" {about.their_aet}" if about.their_aet else "",
        "address": about.address or _("its address"),
        "sop_class": _class_name(found.get("sop_class")),
    }
    return Explanation(
        str(explanation.meaning) % values, str(explanation.action) % values, explanation.status
    )


def _class_name(uid: str | None) -> str:
    """`CT Image Storage` rather than its number; also where it is not known which one."""
    if uid is None:
        return _("their class is not on its list")
    return str(UID(uid).name) if _UID.match(uid) else uid
