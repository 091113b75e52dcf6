"""What the visual rule builder can draw: one table of operators, from which pages and documentation are made."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Operator(NamedTuple):
    """One operator as the builder offers it.

    Attributes:
        op: the operator, or the method, of the condition tree.
        shape: how the tree is made of field, operator and value: `compare` (field op value), `list` (field op values),
            `has` (value op list), `part` (text op field), `method` (field.op(text)), `ago` (field op today - days).
        kinds: types of fields that it is offered for; `list` for a field with several values.
    """

    op: str
    shape: str
    words: Promise
    kinds: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.shape} {self.op}"


_TEXT, _NUMBER, _TIME, _LIST = ("text",), ("number",), ("time",), ("list",)
_MOMENT = ("date", "datetime")
_SINGLE = (*_TEXT, *_NUMBER, *_MOMENT, *_TIME)

OPERATORS = (
    Operator("==", "compare", _("is"), _SINGLE),
    Operator("!=", "compare", _("is not"), _SINGLE),
    Operator("in", "list", _("is one of"), (*_TEXT, *_NUMBER)),
    Operator("not in", "list", _("is none of"), (*_TEXT, *_NUMBER)),
    Operator("in", "part", _("contains"), _TEXT),
    Operator("not in", "part", _("does not contain"), _TEXT),
    Operator("starts_with", "method", _("begins with"), _TEXT),
    Operator("ends_with", "method", _("ends with"), _TEXT),
    Operator("=~~", "compare", _("contains the pattern"), _TEXT),
    Operator("!~~", "compare", _("does not contain the pattern"), _TEXT),
    Operator("=~", "compare", _("begins like the pattern"), _TEXT),
    Operator("!~", "compare", _("does not begin like the pattern"), _TEXT),
    Operator("<", "compare", _("is less than"), _NUMBER),
    Operator("<=", "compare", _("is at most"), _NUMBER),
    Operator(">", "compare", _("is more than"), _NUMBER),
    Operator(">=", "compare", _("is at least"), _NUMBER),
    Operator("<", "compare", _("is before"), (*_MOMENT, *_TIME)),
    Operator("<=", "compare", _("is not after"), (*_MOMENT, *_TIME)),
    Operator(">", "compare", _("is after"), (*_MOMENT, *_TIME)),
    Operator(">=", "compare", _("is not before"), (*_MOMENT, *_TIME)),
    Operator(">=", "ago", _("is in the last … days"), _MOMENT),
    Operator("<", "ago", _("is more than … days ago"), _MOMENT),
    Operator("in", "has", _("has the value"), _LIST),
    Operator("not in", "has", _("does not have the value"), _LIST),
)

_WORDS = {
    "all": _("All of these hold"),
    "any": _("At least one of these holds"),
    "none": _("None of these holds"),
    "notall": _("Not all of these hold"),
    "groupKind": _("Joined by"),
    "everyStudy": _("Every study matches."),
    "noCondition": _("There is no condition yet."),
    "matchAll": _("Let every study match"),
    "emptyGroup": _("This group is empty and counts for nothing."),
    "field": _("Field"),
    "operator": _("Operator"),
    "value": _("Value"),
    "values": _("Values, one on each line"),
    "days": _("Days"),
    "addCondition": _("Add a condition"),
    "addGroup": _("Add a group"),
    "up": _("Move up"),
    "down": _("Move down"),
    "wrap": _("Put into a group of its own"),
    "unwrap": _("Dissolve the group, keep what is in it"),
    "remove": _("Remove"),
    "drag": _("Drag to move"),
    "moved": _("Moved to place {n} of {of}"),
    "removed": _("Removed"),
    "added": _("Added"),
    "chip": _("Written as text; edit it in the text view"),
    "chooseField": _("Choose a name from the list"),
    "broken": _("The text has an error, so it stays as it is here. Correct it in the text view."),
    "line": _("Line {line}, column {column}:"),
    "suggestion": _("Did you mean {text}?"),
    "found": _("{n} suggestions; arrow keys choose"),
    "seen": _("in your studies"),
    "errors": _("{n} errors"),
    "correct": _("No error"),
    "unreachable": _("The console did not answer, so this text is not checked. Keep typing to try again."),
    "nothing": _("Write a condition; what it means in words appears here."),
    "draft": _("Something was typed here before and not saved. It is still in this tab."),
    "takeBack": _("Take it back"),
    "forget": _("Forget it"),
}  # fmt: skip


def as_config() -> dict[str, Any]:
    """For static/js/rules: the operators and the words, in the language of the request."""
    operators = [
        {
            "id": each.id,
            "op": each.op,
            "shape": each.shape,
            "words": str(each.words),
            "kinds": each.kinds,
        }
        for each in OPERATORS
    ]
    return {
        "operators": operators,
        "words": {name: str(words) for name, words in _WORDS.items()},
    }
