"""Words for studies and deliveries."""

from __future__ import annotations

from typing import Any

from django import template

from orthanc_console.dashboard.wording import middle
from routing import explain
from routing.explain import Explanation, hours
from routing.models import Lane, Study
from routing.services import lanes

register = template.Library()

LONGEST = 28


@register.filter
def study_title(study: Study) -> str:
    """How a list calls a study: `CT · Abdomen with contrast`, without naming the patient."""
    described = [" ".join(study.modalities), study.study_description]
    return " · ".join(part for part in described if part) or middle(str(study), LONGEST)


@register.filter
def patient_line(study: Study) -> str:
    """Whose study it is, for a line below its title: name, ID and accession number, those that there are."""
    known = (study.patient_name, study.patient_id, study.accession_number)
    return " · ".join(part for part in known if part)


@register.filter
def hours_words(text: str) -> str:
    """When a destination may be sent to, as a sentence."""
    return hours.sentence(text)


@register.filter
def reason_words(code: str) -> Any:
    """Why a delivery was skipped, held or given up, as a sentence."""
    return explain.reason(code)


@register.filter
def lane_explained(lane: Lane) -> Explanation | None:
    """What the last error of a lane means; None without one."""
    return lanes.explained(lane)


@register.filter
def entry(names: dict[str, str], key: object) -> str:
    """The entry of a mapping under the text of a key; empty without one."""
    return names.get(str(key), "")
