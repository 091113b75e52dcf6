"""Purging in words, for templates."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.functional import Promise

from orthanc_console.dashboard import wording
from purge import words
from purge.schedule import zone

register = template.Library()


@register.filter
def kept_words(code: str) -> Promise | str:
    """Why a study was kept."""
    return words.reason(code)


@register.filter
def exact(text: str) -> str:
    """A time in ISO 8601, as nodes report it, with its zone; what is none stays as it is."""
    try:
        return wording.exact(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        return text


@register.filter
def dicom_date(text: str) -> str:
    """A date as DICOM writes it (PS3.5, VR DA), `20190131`, as `2019-01-31`; what is none stays as it is."""
    try:
        return f"{datetime.strptime(text, '%Y%m%d'):%Y-%m-%d}"
    except (TypeError, ValueError):
        return text


@register.filter
def local_in(moment: datetime, time_zone: str) -> str:
    """A moment as the clocks of a time zone show it, with its day."""
    return f"{moment.astimezone(zone(time_zone)):%a %Y-%m-%d %H:%M %Z}"
