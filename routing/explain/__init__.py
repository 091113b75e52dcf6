"""Plain words for states, reasons and the errors of Orthanc and DICOM. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Explanation(NamedTuple):
    """What an error means, and what to do about it."""

    meaning: Text
    action: Text


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
}

UNKNOWN = Explanation(
    _("Orthanc or the destination reported an error that is not in our list."),
    _("Read its own words, and look into the logs of Orthanc and of the destination."),
)

# Most telling first: the words of an error say more than Orthanc's code, which often only says "network".
_BY_WORDS: tuple[tuple[str, Explanation], ...] = (
    (
        r"connection refused|couldn't connect|could not connect|failed to connect",
        Explanation(
            _("Nothing listens at that address and port."),
            _("Check that the destination runs, and its host and port; then a firewall."),
        ),
    ),
    (
        r"no route to host|network is unreachable|host is unreachable",
        Explanation(
            _("The network does not lead there."),
            _("Check the host, the network and the firewall between Orthanc and it."),
        ),
    ),
    (
        r"couldn't resolve|could not resolve|unknown host|name or service not known|host not found",
        Explanation(
            _("The host name is not known on the server of Orthanc."),
            _("Check the spelling, or give the IP address."),
        ),
    ),
    (
        r"calling ae ?title not recogni[sz]ed",
        Explanation(
            _("The destination does not know the AE title of Orthanc."),
            _("Register Orthanc's AE title, host and port at the destination."),
        ),
    ),
    (
        r"called ae ?title not recogni[sz]ed",
        Explanation(
            _("The destination does not answer to the AE title it was called by."),
            _("Check the AE title of the destination; upper and lower case differ."),
        ),
    ),
    (
        r"association rejected|dul association rejected|association request rejected",
        Explanation(
            _("The destination refused to talk to Orthanc."),
            _("Register Orthanc there, and check both AE titles."),
        ),
    ),
    (
        r"peer aborted|association abort",
        Explanation(
            _("The destination broke the transfer off."),
            _("It is tried again. If that does not help, look into the destination's log."),
        ),
    ),
    (
        r"presentation context|no accepted|sop class.*not supported|transfer syntax",
        Explanation(
            _("The destination does not take this kind of image or its compression."),
            _("Let the destination accept it, or leave such studies out by the rule."),
        ),
    ),
    (
        r"out of resources|refused: out of|storage.*full|no space left|a7[0-9a-f]{2}\b",
        Explanation(
            _("The destination has no room, or is too busy."),
            _("It is tried again. Free space at the destination if it stays so."),
        ),
    ),
    (
        r"certificate|ssl|tls",
        Explanation(
            _("No secure connection: the certificates do not fit."),
            _("Let Orthanc trust the destination's certificate, and check its host name in it."),
        ),
    ),
    (
        r"\b401\b|unauthorized|\b403\b|forbidden",
        Explanation(
            _("The destination did not accept user name and password."),
            _("Correct them at the destination's entry, or give that user the right to store."),
        ),
    ),
    (
        r"\b404\b|unknown resource|inexistent|does not exist",
        Explanation(
            _("The address answers, but has nothing to store to, or the study is gone."),
            _("Check the path of the URL, and that Orthanc still has the study."),
        ),
    ),
    (
        r"sop class/instance|unable to determine the sop",
        Explanation(
            _("An image is not valid DICOM: its class or its identifier is missing."),
            _("Repair or delete the image in Orthanc, then retry."),
        ),
    ),
    (
        r"instance was removed|removed after the job",
        Explanation(
            _("Images of the study were deleted in Orthanc while it was sent."),
            _("Retry sends what is left. Find out who deletes studies that early."),
        ),
    ),
    (
        r"time-?d? ?out|read timeout|no response",
        Explanation(
            _("The destination took the call and then said nothing."),
            _("It is tried again. Look at the destination: it hangs or is overloaded."),
        ),
    ),
)

# Orthanc's own numbers: OrthancFramework/Sources/Enumerations.h
_BY_CODE: dict[int, Explanation] = {
    5: Explanation(
        _("Something that Orthanc looked for is not there."),
        _("Check that Orthanc still has the study and the destination, then retry."),
    ),
    7: Explanation(
        _("Orthanc does not have the study or the destination any more."),
        _("Check both in Orthanc, then retry."),
    ),
    9: Explanation(
        _("Orthanc could not reach the destination, or lost it on the way."),
        _("It is tried again. Echo the destination to see whether it answers."),
    ),
    17: Explanation(
        _("Orthanc does not have the study or the destination any more."),
        _("Check both in Orthanc, then retry."),
    ),
    27: Explanation(
        _("The disk of Orthanc or of the destination is full."),
        _("Free space there; it is tried again."),
    ),
    42: Explanation(
        _("The destination is not reachable by DICOM."),
        _("Echo the destination, and check AE title, host and port."),
    ),
    2014: Explanation(
        _("An image is not valid DICOM: its class or its identifier is missing."),
        _("Repair or delete the image in Orthanc, then retry."),
    ),
}


def state(code: str) -> Text:
    """What a delivery state means, as a sentence; empty for an unknown one."""
    return STATES.get(code, "")


def reason(code: str) -> Text:
    """Why a delivery was skipped, held or given up, as a sentence; an unknown code as it is."""
    return REASONS.get(code, code)


@dataclass(frozen=True)
class About:
    """Who talked to whom, so that an explanation can name what has to be entered where. Empty where it is not known."""

    our_aet: str = ""


def about(node: Any, destination: Any) -> About:
    return About()


def error(words: str, code: int | None = None, about: About | None = None) -> Explanation:
    """What an error means and what to do.

    Args:
        words: as Orthanc or the destination put it.
        code: Orthanc's error number, when there is one.
    """
    lowered = words.lower()
    for pattern, explanation in _BY_WORDS:
        if re.search(pattern, lowered):
            return explanation
    return UNKNOWN if code is None else _BY_CODE.get(code, UNKNOWN)
