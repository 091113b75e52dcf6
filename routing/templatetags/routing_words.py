"""Words for studies and deliveries."""

from __future__ import annotations

from typing import Any

from django import template

from routing import explain
from routing.explain import hours
from routing.models import Study

register = template.Library()


@register.filter
def study_title(study: Study) -> str:
    """How a list calls a study: `CT · Abdomen with contrast`, without naming the patient."""
    described = [" ".join(study.modalities), study.study_description]
    return " · ".join(part for part in described if part) or str(study)


@register.filter
def hours_words(text: str) -> str:
    """When a destination may be sent to, as a sentence."""
    return hours.sentence(text)


@register.filter
def reason_words(code: str) -> Any:
    """Why a delivery was skipped, held or given up, as a sentence."""
    return explain.reason(code)
