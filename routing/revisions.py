"""What differs between two versions of a rule, in words. Pure: no I/O."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from routing.models import Rule

Content = Mapping[str, Any]
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|\w+|\s+|.', re.DOTALL)
_RELATED: dict[str, Promise] = {
    "destinations": gettext_lazy("destinations"),
    "nodes": gettext_lazy("nodes"),
}


class Piece(NamedTuple):
    """A part of a text: `kind` is `same`, `out` or `in`."""

    kind: str
    text: str


class Difference(NamedTuple):
    """A field that differs, with both values as people read them; of the condition, also what changed within."""

    label: str
    before: str
    after: str
    pieces: tuple[Piece, ...] = ()


def differences(before: Content, after: Content) -> list[Difference]:
    """The fields in which two contents of `RuleRevision` differ."""
    found = []
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field), after.get(field)
        if old == new:
            continue
        pieces = words(str(old or ""), str(new or "")) if field == "expression" else ()
        found.append(Difference(_label(field), _shown(field, old), _shown(field, new), pieces))
    return found


def words(before: str, after: str) -> tuple[Piece, ...]:
    """The two texts merged, word by word."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    pieces = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for op, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if op == "equal":
            pieces.append(Piece("same", "".join(old[old_from:old_to])))
            continue
        removed, added = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        pieces += [Piece(kind, text) for kind, text in (("out", removed), ("in", added)) if text]
    return tuple(pieces)


def _label(field: str) -> str:
    if field in _RELATED:
        return str(_RELATED[field])
    return str(getattr(Rule._meta.get_field(field), "verbose_name", field))


def _shown(field: str, value: Any) -> str:
    if field in _RELATED:
        empty = _("all") if field == "nodes" else _("none")
        return ", ".join(str(each["name"]) for each in value or ()) or empty
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    choices = dict(getattr(Rule._meta.get_field(field), "flatchoices", ()))
    return str(choices.get(value, "" if value is None else value))
