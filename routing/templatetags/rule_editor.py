"""The editor of conditions as one field of a form. The page also loads `css/rules.css` and `js/rules/editor.js`."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.forms import BoundField

from routing import builder
from routing.language import Parsed, parse

register = template.Library()


@register.inclusion_tag("rules/editor_field.html")
def rule_editor(
    field: BoundField, parsed: Parsed | None = None, view: str = "text"
) -> dict[str, Any]:
    """Builder and text for a condition; without scripts the text alone.

    Args:
        parsed: what the language says of it; None to ask here.
        view: which of the two is shown first, `builder` or `text`.
    """
    text = field.value() or ""
    if parsed is None and text.strip():
        parsed = parse(text)
    config = json.dumps(builder.as_config())
    return {"field": field, "parsed": parsed, "view": view, "config": config}
