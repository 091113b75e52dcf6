"""Brings a file into the console. A preview is the same work in a transaction that is undone, so it promises nothing false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.models import Node
from routing.exchange.names import NoSuchDestination, resolve
from routing.exchange.reading import Document, ImportProblem
from routing.models import Destination, Rule
from routing.models.destination import Source
from routing.services import destinations as destination_services
from routing.services import rules as rule_services

Values = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """What happens to one rule or destination: `created`, `changed`, `deleted`; `differences` is field -> [before, after]."""

    what: str
    done: str
    name: str
    differences: log.Changes = field(default_factory=dict)


@dataclass
class Report:
    """What an import did or, as a preview, would do."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    notes: list[str] = field(default_factory=list)
    order: bool = False
    applied: bool = True

    @property
    def nothing(self) -> bool:
        return not self.changes and not self.order


class _Undone(Exception):
    """Ends the transaction of a preview."""


def preview(actor: User, document: Document, *, delete: bool = False) -> Report:
    """What `bring_in` would do.

    Raises:
        ImportProblem: something in the file cannot be brought in.
    """
    report = Report()
    try:
        with transaction.atomic():
            report = bring_in(actor, document, delete=delete)
            raise _Undone
    except _Undone:
        report.applied = False
    return report


@transaction.atomic
def bring_in(actor: User, document: Document, *, delete: bool = False) -> Report:
    """Create and change what the file says, all of it or nothing.

    Args:
        delete: also delete the rules, and the destinations that were made in the console, that the file does not have.

    Raises:
        ImportProblem: something in the file cannot be brought in.
    """
    work = _Work(actor, Report(notes=list(document.notes)))
    destinations = [work.destination(values) for values in document.destinations]
    rules = [work.rule(values) for values in document.rules]
    if work.problems:
        raise ImportProblem(work.problems)
    if delete:
        work.delete_others([r for r in rules if r], [d for d in destinations if d])
    work.arrange([rule for rule in rules if rule], document.appended)
    if work.problems:
        raise ImportProblem(work.problems)
    return work.report


class _Work:
    def __init__(self, actor: User, report: Report) -> None:
        self.actor = actor
        self.report = report
        self.problems: list[str] = []

    def _attempt(self, what: str, work: Callable[[], T]) -> T | None:
        """Do the work for one entry; what is wrong with it is collected, and the work undone."""
        try:
            with transaction.atomic():
                return work()
        except NoSuchDestination as error:
            self.problems.append(f"{what}: {error}")
        except ValidationError as error:
            by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            for name, messages in by_field.items():
                self.problems.append(": ".join(filter(None, (what, name, " ".join(messages)))))
        return None

    def destination(self, values: Values) -> Destination | None:
        what = _("Destination “%(name)s”") % {"name": values.get("name", "?")}
        return self._attempt(what, lambda: self._destination(values))

    def _destination(self, values: Values) -> Destination | None:
        found = self._known_destination(values)
        if found is None and values.get("source") == Source.ORTHANC:
            raise ValidationError(_("No attached Orthanc has it, so it cannot be brought in."))
        self._save_destination(found, values)
        return found or self._known_destination(values)

    def _save_destination(self, found: Destination | None, values: Values) -> None:
        services = destination_services
        before = _state(found, services.AUDITED, services.SECRET)
        destination = found or Destination()
        nodes = _fill(destination, values, {*services.EDITABLE, "nodes", "source"}, ("source",))
        own = [name for name in services.AUDITED if name != "nodes"]
        wanted = log.snapshot(destination, own, services.SECRET)
        if destination.source == Source.ORTHANC:
            wanted["nodes"] = before["nodes"]
        else:
            wanted["nodes"] = sorted(map(str, nodes))
        if found is None or log.difference(before, wanted):
            is_own = destination.source == Source.CONSOLE
            services.save(self.actor, destination, nodes=nodes if is_own else None)
        self._note("destination", found is None, destination, before, wanted)

    def _known_destination(self, values: Values) -> Destination | None:
        rows = Destination.objects.filter(
            name=str(values.get("name", "")), kind=str(values.get("kind", "")), gone_at=None
        ).prefetch_related("nodes")
        wanted = {str(node) for node in values.get("nodes") or ()}
        same = [row for row in rows if {node.name for node in row.nodes.all()} == wanted]
        found: list[Destination] = same or (list(rows) if len(rows) == 1 else [])
        return found[0] if found else None

    def rule(self, values: Values) -> Rule | None:
        what = _("Rule “%(name)s”") % {"name": values.get("name", "?")}
        return self._attempt(what, lambda: self._rule(values))

    def _rule(self, values: Values) -> Rule:
        known = Rule.objects.filter(name=str(values.get("name", ""))).first()
        rule = known or Rule()
        given = {"expression" if name == "condition" else name: v for name, v in values.items()}
        names = given.pop("destinations", [])
        if not isinstance(names, list):
            raise ValidationError({"destinations": [_("This must be a list of names.")]})
        nodes = _fill(rule, given, {*rule_services.OWN_FIELDS, "nodes"}, ())
        every = list(Destination.objects.filter(gone_at=None).prefetch_related("nodes"))
        chosen = [resolve(str(name), every) for name in names]
        self._save_rule(rule, known, chosen, nodes)
        return rule

    def _save_rule(
        self, rule: Rule, known: Rule | None, chosen: list[Destination], nodes: list[Node]
    ) -> None:
        before = _state(known and Rule.objects.get(pk=known.pk), rule_services.AUDITED)
        rule_services.validate(rule, chosen)
        wanted = {
            **log.snapshot(rule, rule_services.OWN_FIELDS),
            "destinations": sorted(map(str, chosen)),
            "nodes": sorted(map(str, nodes)),
        }
        if known is None or log.difference(before, wanted):
            reason = _("Imported from a file")
            rule_services.save(self.actor, rule, destinations=chosen, nodes=nodes, reason=reason)
        self._note("rule", known is None, rule, before, wanted)

    def _note(
        self, what: str, created: bool, obj: Rule | Destination, before: Values, after: Values
    ) -> None:
        differences = log.difference(before, after)
        if created:
            self.report.changes.append(Change(what, "created", str(obj), differences))
        elif differences:
            self.report.changes.append(Change(what, "changed", str(obj), differences))
        else:
            self.report.unchanged += 1

    def delete_others(self, rules: list[Rule], destinations: list[Destination]) -> None:
        for rule in Rule.objects.exclude(pk__in=[rule.pk for rule in rules]):
            self.report.changes.append(Change("rule", "deleted", str(rule)))
            self._attempt(str(rule), partial(rule_services.delete, self.actor, rule))
        kept = [destination.pk for destination in destinations]
        for each in Destination.objects.filter(source=Source.CONSOLE).exclude(pk__in=kept):
            self.report.changes.append(Change("destination", "deleted", str(each)))
            self._attempt(str(each), partial(destination_services.delete, self.actor, each))

    def arrange(self, rules: list[Rule], appended: bool) -> None:
        others = [rule.pk for rule in Rule.objects.exclude(pk__in=[rule.pk for rule in rules])]
        mine = [rule.pk for rule in rules]
        wanted = others + mine if appended else mine + others
        self.report.order = rule_services.arrange(self.actor, wanted)


def _fill(
    obj: Rule | Destination, values: Values, allowed: set[str], ignored: tuple[str, ...]
) -> list[Node]:
    """Set what the file says, and the defaults for what it leaves out; returns the nodes that it names."""
    unknown = sorted(map(str, values.keys() - allowed))
    if unknown:
        raise ValidationError({unknown[0]: [_("There is no such field.")]})
    for name in allowed - {"nodes", "password", *ignored}:
        field_ = _field(obj, name)
        if (
            name not in values
            and obj.pk
            and isinstance(obj, Destination)
            and obj.source == Source.ORTHANC
        ):
            continue
        value = values.get(name, field_.get_default())
        try:
            setattr(obj, name, field_.to_python("" if value is None and not field_.null else value))
        except ValidationError as error:
            raise ValidationError({name: error.messages}) from error
    if isinstance(obj, Destination) and isinstance(values.get("password"), str):
        obj.password = values["password"]
    return _nodes(values.get("nodes") or [])


def _field(obj: Rule | Destination, name: str) -> models.Field[Any, Any]:
    found = obj._meta.get_field(name)
    if not isinstance(found, models.Field):
        raise FieldDoesNotExist(name)
    return found


def _nodes(names: object) -> list[Node]:
    if not isinstance(names, list):
        raise ValidationError({"nodes": [_("This must be a list of names.")]})
    found = {
        node.name: node for node in Node.objects.filter(name__in=[str(name) for name in names])
    }
    missing = [str(name) for name in names if str(name) not in found]
    if missing:
        words = _("There is no node “%(name)s”. Add it first.") % {"name": missing[0]}
        raise ValidationError({"nodes": [words]})
    return list(found.values())


def _state(
    obj: Rule | Destination | None, fields: tuple[str, ...], secret: tuple[str, ...] = ()
) -> Values:
    return log.snapshot(obj, fields, secret) if obj else {}
