"""Filters of lists as people see them: chips, kept parameters, and a search that stays out of addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from orthanc_console.fields import encrypt
from routing.filters import ENCRYPTED


class Chip(NamedTuple):
    """One active filter, and the query string of the list without it."""

    label: str
    value: str
    without: str


def chips(filterset: django_filters.FilterSet, query: QueryDict) -> list[Chip]:
    """The active filters in words."""
    return list(_chips(filterset.form, query))


def _chips(form: forms.Form, query: QueryDict) -> Iterator[Chip]:
    cleaned = form.cleaned_data if form.is_bound and form.is_valid() else {}
    for name, field in form.fields.items():
        if not any(query.getlist(name)):
            continue
        rest = query.copy()
        rest.pop("cursor", None)
        rest.pop(name)
        value = _in_words(field, cleaned.get(name), query.getlist(name))
        yield Chip(str(field.label), value, f"?{rest.urlencode()}")


def _in_words(field: forms.Field, value: Any, given: list[str]) -> str:
    if isinstance(field, forms.MultipleChoiceField) and value:
        words = dict(field.choices)  # type: ignore[arg-type]
        return ", ".join(str(words.get(each, each)) for each in value)
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    # An encrypted value that cannot be read says nothing to people.
    return str(value) if value not in (None, "") else ", ".join(given)[:40]


def address(posted: QueryDict) -> str:
    """The query string for the filters of a form: only what is filled in, the words searched for encrypted.

    Patient names and identifiers are typed into the search, and addresses end up in logs and histories.
    """
    query = QueryDict(mutable=True)
    for name in posted:
        values = [value for value in posted.getlist(name) if value.strip()]
        if name == "search" and values and not values[0].startswith(ENCRYPTED):
            values = [ENCRYPTED + encrypt(values[0].strip())]
        if values:
            query.setlist(name, values)
    return f"?{query.urlencode()}" if query else ""
