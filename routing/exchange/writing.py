"""Writes the file. What has its default is left out, so that a file in version control shows what matters."""

from __future__ import annotations

from typing import Any

import yaml
from django.db.models import Field

from routing.exchange.names import names_of
from routing.exchange.reading import FORMAT
from routing.models import Destination, Rule
from routing.models.destination import Source
from routing.services import destinations as destination_services
from routing.services import rules as rule_services

HEAD = """\
# Rules and destinations of Orthanc Console. Rules are asked in this order.
# Passwords are not in this file; an import keeps those that the console has.
"""
_NEVER_WRITTEN = ("password",)


def write() -> str:
    """All destinations and rules. Passwords are left out."""
    destinations = list(Destination.objects.filter(gone_at=None).prefetch_related("nodes"))
    names = names_of(destinations)
    rules = Rule.objects.prefetch_related("destinations", "nodes")
    document = {
        "format": FORMAT,
        "destinations": [_destination(each) for each in destinations],
        "rules": [_rule(rule, names) for rule in rules],
    }
    return HEAD + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110
    )


class _Dumper(yaml.SafeDumper):
    """Long conditions as blocks, lists indented as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _destination(destination: Destination) -> dict[str, Any]:
    fields: tuple[str, ...] = destination_services.EDITABLE
    found = destination.source == Source.ORTHANC
    if found:
        fields = ("name", "kind", *sorted(destination_services.FOUND_FIELDS))
    written = {"name": destination.name, "kind": destination.kind}
    if found:
        written["source"] = Source.ORTHANC.value
    written |= _differing(destination, [f for f in fields if f not in ("name", "kind")])
    return written | _nodes(destination)


def _rule(rule: Rule, names: dict[int, str]) -> dict[str, Any]:
    fields = [f for f in rule_services.OWN_FIELDS if f not in ("name", "expression", "enforcement")]
    return {
        "name": rule.name,
        "enforcement": rule.enforcement,
        "condition": rule.expression,
        "destinations": [names[each.pk] for each in rule.destinations.all() if each.pk in names],
        **_differing(rule, fields),
        **_nodes(rule),
    }


def _differing(obj: Destination | Rule, fields: list[str]) -> dict[str, Any]:
    """The fields that do not have their default."""
    values = {name: getattr(obj, name) for name in fields if name not in _NEVER_WRITTEN}
    return {name: value for name, value in values.items() if value != _default(obj, name)}


def _default(obj: Destination | Rule, name: str) -> Any:
    field = obj._meta.get_field(name)
    default = field.get_default() if isinstance(field, Field) else None
    return "" if default is None and getattr(obj, name) == "" else default


def _nodes(obj: Destination | Rule) -> dict[str, list[str]]:
    names = sorted(node.name for node in obj.nodes.all())
    return {"nodes": names} if names else {}
