"""Why a condition came to its result, as HTML. Made in Python, because a page can show some thousand conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orthanc_console.dashboard.templatetags.console import status

register = template.Library()

Node = Mapping[str, Any]
SHORTEST = 2


@register.simple_tag
def explained(tree: Node | None) -> SafeString:
    """The tree of an explanation (see `Decision.explanation`): each condition with the values that it saw."""
    return format_html('<ul class="condition">{}</ul>', _item(tree)) if tree else SafeString()


@register.simple_tag
def deciding(tree: Node | None) -> SafeString:
    """The conditions that brought the result about, on one line; the first two of them."""
    leaves = list(_deciding(tree)) if tree else []
    shown = format_html_join(
        ", ", "<code>{}</code>{}", ((leaf["text"], _values(leaf)) for leaf in leaves[:SHORTEST])
    )
    more = len(leaves) - SHORTEST
    return format_html("{} {}", shown, _("and %(n)d more") % {"n": more}) if more > 0 else shown


def _deciding(node: Node) -> Iterator[Node]:
    if not node.get("deciding"):
        return
    if node.get("kind") == "condition":
        yield node
    for part in node.get("parts") or ():
        yield from _deciding(part)


def _item(node: Node) -> SafeString:
    state = status("condition", str(node.get("result")))
    decides = "decides" if node.get("deciding") else ""
    if node.get("kind") == "condition":
        text = node.get("text", "")
        return format_html(
            '<li class="{}">{} <code>{}</code>{}</li>', decides, state, text, _values(node)
        )
    words = {"all": _("all of"), "any": _("any of"), "not": _("not")}.get(str(node.get("kind")), "")
    parts = format_html_join("", "{}", ((_item(part),) for part in node.get("parts") or ()))
    return format_html(
        '<li class="{}">{} <span class="muted">{}</span><ul>{}</ul></li>',
        decides,
        state,
        words,
        parts,
    )


def _values(leaf: Node) -> SafeString:
    seen = leaf.get("seen") or ()
    if not seen:
        return SafeString()
    values = format_html_join(", ", "{} = {}{}", ((one["field"], *_value(one)) for one in seen))
    return format_html(' <span class="muted small">{}</span>', values)


def _value(one: Node) -> tuple[str, str]:
    if one.get("absent") and not one.get("note"):
        return _("absent"), ""
    note = f" ({one['note']})" if one.get("note") else ""
    return f"“{one.get('value', '')}”", note
