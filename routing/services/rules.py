"""Changing rules. Every change but that of the order makes a new revision, which deliveries refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.models import Node
from orthanc_console.nodes.services import changing_configuration
from routing.conditions import Decision, StudyFacts, compile_condition, decide
from routing.language import Parsed, Problem, parse
from routing.models import Destination, Rule, RuleRevision

AUDITED = (
    *("name", "enforcement", "level", "expression", "destinations", "nodes"),
    *("late_arrivals", "priority", "stop_on_match"),
)
OWN_FIELDS = (
    *("name", "enforcement", "level", "expression", "late_arrivals", "priority"),
    "stop_on_match",
)


def check(expression: str) -> Parsed:
    """Parse the text of a rule; what is wrong with it stands in the result."""
    return parse(expression)


def sentence(rule: Rule) -> str:
    """What the rule selects, in words; empty for one that can not be read any more."""
    return parse(rule.expression).sentence


def test(expression: str, facts: Mapping[str, Any], *, level: str = "study") -> Decision:
    """Decide a condition for a study.

    Args:
        facts: `{"study": {...}, "series": [...]}`, or the tags of a study alone.

    Raises:
        ValidationError: `expression` is not right.
    """
    parsed = parse(expression)
    if parsed.tree is None:
        raise ValidationError({"expression": [_sentence(each) for each in parsed.errors]})
    if not facts.keys() <= {"study", "series"}:
        facts = {"study": facts, "series": []}
    study = StudyFacts(facts.get("study") or {}, facts.get("series") or [])
    condition = compile_condition(parsed.tree)
    return decide(condition, study, level=level, now=timezone.localtime())


def save(
    actor: User,
    rule: Rule,
    *,
    destinations: Iterable[Destination],
    nodes: Iterable[Node] = (),
    reason: str = "",
) -> Rule:
    """Create the rule, as the last one, or save its changes as a new revision.

    Raises:
        ValidationError: field -> messages: an expression that is not right, a name that is taken, no destination; or it was
            changed since `rule` was loaded.
    """
    chosen, limited = list(destinations), list(nodes)
    with changing_configuration():
        stored = Rule.objects.filter(pk=rule.pk).first()
        if stored and stored.revision != rule.revision:
            raise ValidationError(
                _("Somebody else changed this rule meanwhile. Look at it again, then change it.")
            )
        before = log.snapshot(stored, AUDITED) if stored else {}
        validate(rule, chosen)
        if stored:
            rule.revision = stored.revision + 1
            rule.position = stored.position
            rule.save(update_fields=[*OWN_FIELDS, "revision", "updated_at"])
        else:
            rule.position = Rule.objects.count() + 1
            rule.save()
        rule.destinations.set(chosen)
        rule.nodes.set(limited)
        _add_revision(actor, rule, reason)
        _record(actor, "changed" if stored else "created", rule, before, reason)
    return rule


def delete(actor: User, rule: Rule) -> None:
    """Delete the rule and its revisions; deliveries keep its name and revision number."""
    with changing_configuration():
        before = log.snapshot(rule, AUDITED)
        log.record(actor, "rule.deleted", rule, changes=log.difference(before, {}))
        rule.delete()
        _renumber(list(Rule.objects.all()))


def move(actor: User, rule: Rule, position: int) -> None:
    """Put the rule at another place; the others make room.

    Args:
        position: 1 is first; beyond the end means last.
    """
    with changing_configuration():
        others = list(Rule.objects.exclude(pk=rule.pk))
        before = Rule.objects.values_list("position", flat=True).get(pk=rule.pk)
        others.insert(max(position, 1) - 1, rule)
        _renumber(others)
        rule.refresh_from_db(fields=["position"])
        if rule.position != before:
            changes = {"position": [before, rule.position]}
            log.record(actor, "rule.moved", rule, changes=changes)


def arrange(actor: User, wanted: Sequence[int]) -> bool:
    """Put all rules into an order; returns whether that changed it.

    Args:
        wanted: the primary keys of all rules.
    """
    with changing_configuration():
        rules = {rule.pk: rule for rule in Rule.objects.all()}
        before = [rule.name for rule in rules.values()]
        ordered = [rules[pk] for pk in wanted]
        _renumber(ordered)
        after = [rule.name for rule in ordered]
        if before != after:
            log.record(actor, "rule.arranged", changes={"order": [before, after]})
        return before != after


def set_enforcement(actor: User, rule: Rule, enforcement: str) -> Rule:
    """Make the rule active, a dry run or disabled.

    Raises:
        ValidationError: there is no such enforcement.
    """
    fresh = Rule.objects.get(pk=rule.pk)
    fresh.enforcement = enforcement
    return save(actor, fresh, destinations=fresh.destinations.all(), nodes=fresh.nodes.all())


def forward_everything(actor: User) -> Rule:
    """Make the rule that sends every study to every enabled destination.

    Raises:
        ValidationError: no destination is known yet.
    """
    destinations = Destination.objects.filter(enabled=True, gone_at=None)
    if not destinations:
        raise ValidationError(
            _("No destination is known yet. Attach an Orthanc that has some, or add one.")
        )
    name = _("Everything to every destination")
    taken = set(Rule.objects.filter(name__startswith=name).values_list("name", flat=True))
    free = next(n for n in (name, *(f"{name} {i}" for i in range(2, 1000))) if n not in taken)
    return save(actor, Rule(name=free, expression="true"), destinations=destinations)


def validate(rule: Rule, destinations: Sequence[Destination]) -> None:
    """Check a rule that is to be saved, and write its condition in the one form that is stored.

    Raises:
        ValidationError: field -> messages, as in `save`.
    """
    errors: dict[str, list[str]] = {}
    try:
        rule.full_clean()
    except ValidationError as error:
        errors.update(error.message_dict)
    if "expression" not in errors:
        parsed = parse(rule.expression)
        if parsed.errors:
            errors["expression"] = [_sentence(each) for each in parsed.errors]
        else:
            rule.expression = parsed.text
    if not destinations and not rule.stop_on_match:
        errors["destinations"] = [_("Choose at least one destination, or let the rule stop here.")]
    gone = [each.name for each in destinations if each.gone_at]
    if gone:
        errors["destinations"] = [
            _("Orthanc does not have these any more: %(names)s.") % {"names": ", ".join(gone)}
        ]
    if errors:
        raise ValidationError(errors)


def _sentence(problem: Problem) -> str:
    words = f"{problem.message} (line {problem.line}, column {problem.column})"
    return f"{words} {problem.suggestion}".strip()


def _add_revision(actor: User, rule: Rule, reason: str) -> None:
    content: dict[str, Any] = {field: getattr(rule, field) for field in OWN_FIELDS}
    for related in ("destinations", "nodes"):
        objects = getattr(rule, related).values("id", "name")
        content[related] = list(objects)
    RuleRevision.objects.create(
        rule=rule,
        number=rule.revision,
        content=content,
        author=actor,
        author_name=actor.get_username(),
        reason=reason,
    )


def _record(actor: User, done: str, rule: Rule, before: dict[str, Any], reason: str) -> None:
    changes = log.difference(before, log.snapshot(rule, AUDITED))
    log.record(actor, f"rule.{done}", rule, message=reason, changes=changes)


def _renumber(rules: Sequence[Rule]) -> None:
    for position, rule in enumerate(rules, start=1):
        if rule.position != position:
            Rule.objects.filter(pk=rule.pk).update(position=position)
