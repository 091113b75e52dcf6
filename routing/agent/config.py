"""Destinations and rules as a node is told them."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Q

from orthanc_console.nodes.models import Node
from routing import site_tags
from routing.conditions import compile_condition
from routing.language import parse
from routing.models import Destination, Rule
from routing.models.rule import Enforcement

logger = logging.getLogger(__name__)

Tree = dict[str, Any]


class Compiled(NamedTuple):
    """A condition as nodes evaluate it, and the DICOM keywords that it reads."""

    tree: Tree
    tags: frozenset[str]


def config_for(node: Node) -> dict[str, Any]:
    """`destinations`, `rules` and `tags` of docs/protocol.md."""
    concerned = Q(nodes=None) | Q(nodes=node)
    # Also those that Orthanc has lost: what is meant for them waits until they are back, or somebody deletes them here.
    destinations = Destination.objects.filter(concerned).distinct()
    told = [_destination(each) for each in destinations]
    known = {each["id"] for each in told}
    rules = (
        Rule.objects.filter(concerned)
        .exclude(enforcement=Enforcement.DISABLED)
        .distinct()
        .prefetch_related("destinations")
    )
    compiled = [(rule, made) for rule in rules if (made := _compiled(rule)) is not None]
    return {
        "destinations": told,
        "rules": [_rule(rule, made.tree, known) for rule, made in compiled],
        "tags": sorted({keyword for _rule, made in compiled for keyword in made.tags}),
        "private_tags": site_tags.as_config(),
    }


def _destination(destination: Destination) -> dict[str, Any]:
    return {
        "id": destination.pk,
        "name": destination.name,
        "kind": destination.kind,
        "source": destination.source,
        "enabled": destination.enabled,
        "paused": destination.paused,
        "gone": destination.gone_at is not None,
        "aet": destination.aet,
        "host": destination.host,
        "port": destination.port,
        "url": destination.url,
        "username": destination.username,
        "password": destination.password,
        "verify": destination.verify,
        "max_in_flight": destination.max_in_flight,
        "hours": destination.hours,
    }


def _rule(rule: Rule, tree: Tree, known: set[int]) -> dict[str, Any]:
    chosen = sorted(each.pk for each in rule.destinations.all() if each.pk in known)
    return {
        "id": rule.pk,
        "name": rule.name,
        "revision": rule.revision,
        "enforcement": rule.enforcement,
        "level": rule.level,
        "condition": tree,
        "destinations": chosen,
        "late_arrivals": rule.late_arrivals,
        "priority": rule.priority,
        "stop_on_match": rule.stop_on_match,
    }


def _compiled(rule: Rule) -> Compiled | None:
    compiled = _compile_once(rule.pk, rule.revision, rule.expression)
    if compiled is None:
        # A name that another process has just given to a private tag can be missing in what is kept here.
        compiled = _compile_once.__wrapped__(rule.pk, rule.revision, rule.expression)
    if compiled is None:
        # It was right when it was saved, so the language has changed under it.
        logger.error("rule %s can not be read any more and is left out; save it again", rule.pk)
    return compiled


@lru_cache(maxsize=1024)
def _compile_once(rule: int, revision: int, expression: str) -> Compiled | None:
    tree = parse(expression).tree
    return None if tree is None else Compiled(tree, frozenset(compile_condition(tree).tags))
