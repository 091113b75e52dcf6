"""A policy in words: what pages show before it is saved, and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.dashboard.wording import size
from purge.models.policy import AgeBasis, PurgePolicy, Undated
from purge.schedule import ScheduleError, explain
from routing.language import parse

AGES = {
    AgeBasis.STUDY_DATE: (
        "Deletes studies whose study date is more than %s day ago",
        "Deletes studies whose study date is more than %s days ago",
    ),
    AgeBasis.RECEIVED: (
        "Deletes studies that were received at least %s day ago",
        "Deletes studies that were received at least %s days ago",
    ),
    AgeBasis.UPDATED: (
        "Deletes studies that were last changed at least %s day ago",
        "Deletes studies that were last changed at least %s days ago",
    ),
}


def sentence(policy: PurgePolicy, nodes: Sequence[Any], destinations: Sequence[Any]) -> str:
    """The whole policy in a few sentences."""
    parts = [_selection(policy, nodes), _when(policy), _limits(policy)]
    if destinations:
        names = ", ".join(str(each) for each in destinations)
        parts.append(_("Only when every image is verified at %(names)s.") % {"names": names})
    if policy.watermark_start and policy.watermark_stop:
        parts.append(
            _("Starts when the disk is more than %(start)d %% full, and stops below %(stop)d %%.")
            % {"start": policy.watermark_start, "stop": policy.watermark_stop}
        )
    if policy.needs_approval:
        parts.append(_("A second person must approve each run."))
    return " ".join(parts)


def _selection(policy: PurgePolicy, nodes: Sequence[Any]) -> str:
    one, many = AGES[AgeBasis(policy.age_basis)]
    days = policy.older_than_days
    text = ngettext(one, many, days) % number_format(days, force_grouping=True)
    if policy.age_basis == AgeBasis.STUDY_DATE and policy.undated == Undated.RECEIVED:
        text += _(" (without a study date: that were received so long ago)")
    if policy.expression.strip() != "true":
        text += _(", and for which this holds: %(condition)s") % {
            "condition": parse(policy.expression).sentence.rstrip(".") or policy.expression
        }
    where = ", ".join(str(node) for node in nodes) or _("every node")
    return _("%(text)s, on %(where)s.") % {"text": text, "where": where}


def _when(policy: PurgePolicy) -> str:
    if not policy.schedule:
        return _("Runs only when it is started by hand.")
    try:
        return _("Runs %(when)s.") % {"when": _lower(explain(policy.schedule, policy.time_zone))}
    except (ScheduleError, ValueError):
        return _("Its schedule cannot be read.")


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _limits(policy: PurgePolicy) -> str:
    told = ngettext(
        "At most %(studies)s studies or %(size)s a run, held for %(hold)d minute first.",
        "At most %(studies)s studies or %(size)s a run, held for %(hold)d minutes first.",
        policy.hold_minutes,
    )
    return told % {
        "studies": number_format(policy.max_studies_per_run, force_grouping=True),
        "size": size(policy.max_bytes_per_run),
        "hold": policy.hold_minutes,
    }
