"""Template tags that every page uses: icons, states, times, identifiers, form fields."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django import forms, template
from django.conf import settings
from django.forms import BoundField
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from orthanc_console.dashboard import wording
from orthanc_console.dashboard.statuses import status_of

register = template.Library()

NOTHING = "\N{EN DASH}"


@cache
def _svg(name: str) -> str:
    text = (Path(settings.ICONS_DIR) / "outline" / f"{name}.svg").read_text(encoding="utf-8")
    inner = re.search(r"<svg[^>]*>(.*)</svg>", text, re.DOTALL)
    if inner is None:
        raise ValueError(f"{name}.svg is not an SVG file")
    shapes = re.sub(r"\s*<path stroke=\"none\"[^>]*/>\s*", "", inner[1]).strip()
    return (
        '<svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" '
        'stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" '
        f'aria-hidden="true" focusable="false">{shapes}</svg>'
    )


@register.simple_tag
def icon(name: str) -> SafeString:
    """The icon as inline SVG, invisible to screen readers.

    Raises:
        FileNotFoundError: Tabler has no icon of that name.
    """
    return mark_safe(_svg(name))  # noqa: S308 - a file of the installed icon package


@register.simple_tag
def status(kind: str, value: str, detail: str = "") -> SafeString:
    """A state as icon, word and colour; `detail` is appended to the word."""
    look = status_of(kind, value)
    word = f"{look.word}: {detail}" if detail else look.word
    return format_html(
        '<span class="state state-{}">{}<span>{}</span></span>', look.tone, icon(look.icon), word
    )


@register.simple_tag
def when(moment: datetime | None, absent: str = NOTHING) -> SafeString:
    """A relative time with the exact one, and its zone, on hover."""
    if moment is None:
        return format_html('<span class="absent">{}</span>', absent)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        wording.exact(moment),
        wording.relative(moment),
    )


@register.simple_tag
def identifier(value: str, length: int = 28) -> SafeString:
    """A UID, AE title or address in monospace, shortened in the middle, with a button that copies all of it."""
    if not value:
        return format_html('<span class="absent">{}</span>', NOTHING)
    return format_html(
        '<span class="identifier"><code title="{0}">{1}</code>'
        '<button type="button" class="copy" data-copy="{0}" hidden>{2}'
        '<span class="visually-hidden">{3}</span></button></span>',
        value,
        wording.middle(str(value), length),
        icon("copy"),
        _("Copy %(value)s") % {"value": value},
    )


@register.filter
def duration(value: timedelta | float | None) -> str:
    if value is None:
        return NOTHING
    return wording.span(value.total_seconds() if isinstance(value, timedelta) else value)


@register.filter
def filesize(value: int | None) -> str:
    return NOTHING if value is None else wording.size(value)


@register.filter
def at_least(count: int) -> str:
    """A count that was ended early, such as `1,000+`."""
    return wording.at_least(count)


@register.filter
def until(start: datetime | None, end: datetime | None) -> timedelta | None:
    """`started|until:finished|duration`"""
    return wording.between(start, end)


@register.filter
def breakable(name: str) -> SafeString:
    """A long name that may break after its underscores and hyphens, rather than in the middle of a word."""
    return mark_safe(re.sub("([_-])", r"\1<wbr>", escape(name)))  # noqa: S308 - escaped before


@register.simple_tag
def marked(text: str, start: int, end: int) -> SafeString:
    """The text with the characters from `start` to `end` marked."""
    return format_html("{}<mark>{}</mark>{}", text[:start], text[start:end], text[end:])


@register.inclusion_tag("partials/filter_field.html")
def filter_field(bound: BoundField, input_type: str = "") -> dict[str, Any]:
    """A field of a filter bar: compact, without help."""
    widget = bound.field.widget
    if input_type:
        widget.input_type = input_type
    css = "form-select" if isinstance(widget, forms.Select) else "form-control"
    if isinstance(bound.field, forms.ModelChoiceField):
        bound.field.empty_label = _("any")
        bound.field.widget.choices = bound.field.choices
    return {"field": bound, "widget": bound.as_widget(attrs={"class": css})}


@register.inclusion_tag("partials/field.html")
def field(bound: BoundField, **attrs: str) -> dict[str, Any]:
    """A form field with its label, help and errors, tied together for screen readers."""
    widget = bound.field.widget
    check = isinstance(widget, forms.CheckboxInput)
    group = isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect)
    if check or group:
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    else:
        css = "form-control"
    if bound.errors:
        css += " is-invalid"
    if group:
        widget.attrs["class"] = css
    attributes = {name.replace("_", "-"): value for name, value in attrs.items()}
    return {
        "field": bound,
        "check": check,
        "group": group,
        "widget": bound.as_widget(attrs={"class": css, **attributes}),
    }
