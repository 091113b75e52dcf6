"""Going back to an earlier version of a rule, and making another one like it."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Node
from routing.models import Destination, Rule, RuleRevision
from routing.models.rule import Enforcement
from routing.services import rules

M = TypeVar("M", bound=Model)


def revert(actor: User, rule: Rule, revision: RuleRevision) -> Rule:
    """Save the rule as it was; that is a new revision, so nothing of its history is lost.

    Whether it is active stays as it is now, and so does its name.

    Raises:
        ValidationError: a destination or a node of that version does not exist any more, or the language has changed.
    """
    content = revision.content
    fresh = Rule.objects.get(pk=rule.pk)
    for field in rules.OWN_FIELDS:
        if field in content and field not in ("name", "enforcement"):
            setattr(fresh, field, content[field])
    destinations = _still_there(Destination, content.get("destinations") or [])
    nodes = _still_there(Node, content.get("nodes") or [])
    reason = _("Back to revision %(number)d") % {"number": revision.number}
    return rules.save(actor, fresh, destinations=destinations, nodes=nodes, reason=reason)


def _still_there(model: type[M], wanted: list[dict[str, Any]]) -> list[M]:
    found = model._default_manager.in_bulk([each["id"] for each in wanted])
    gone = [str(each["name"]) for each in wanted if each["id"] not in found]
    if gone:
        raise ValidationError(
            _("These do not exist any more: %(names)s. Nothing was changed.")
            % {"names": ", ".join(gone)}
        )
    return list(found.values())


def duplicate(actor: User, rule: Rule) -> Rule:
    """Make a disabled copy of the rule, right below it."""
    stem = _("Copy of %(name)s") % {"name": rule.name}
    names = (stem[:100], *(f"{stem[:95]} {number}" for number in range(2, 1000)))
    taken = set(Rule.objects.values_list("name", flat=True))
    copy = Rule(name=next(name for name in names if name not in taken))
    for field in rules.OWN_FIELDS:
        if field != "name":
            setattr(copy, field, getattr(rule, field))
    copy.enforcement = Enforcement.DISABLED
    made = rules.save(
        actor,
        copy,
        destinations=rule.destinations.filter(gone_at=None),
        nodes=rule.nodes.all(),
        reason=_("Copied from %(name)s") % {"name": rule.name},
    )
    rules.move(actor, made, rule.position + 1)
    return made
