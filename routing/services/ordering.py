"""What the order of rules means for each of them: which are never asked, and which match nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from routing import shadow
from routing.language import parse
from routing.models import Rule
from routing.models.rule import Enforcement
from routing.shadow import Entry

IDLE_AFTER = timedelta(days=90)


def idle(rule: Rule) -> bool:
    """Whether an active or dry-run rule has matched nothing for 90 days, and was the same all that time."""
    if rule.enforcement == Enforcement.DISABLED:
        return False
    last = rule.last_matched_at
    return max(filter(None, (last, rule.updated_at))) < timezone.now() - IDLE_AFTER


def shadowed(rules: Iterable[Rule]) -> dict[int, Entry]:
    """Rule -> the active rule before it that stops, and takes all of its studies. Needs the nodes fetched."""
    return shadow.shadowed(
        [
            made
            for rule in sorted(rules, key=lambda rule: (rule.position, rule.pk))
            if rule.enforcement != Enforcement.DISABLED and (made := _entry(rule)) is not None
        ]
    )


def _entry(rule: Rule) -> Entry | None:
    tree = parse(rule.expression).tree
    if tree is None:
        return None
    nodes = frozenset(node.pk for node in rule.nodes.all())
    stops = rule.stop_on_match and rule.enforcement == Enforcement.ACTIVE
    return Entry(rule.pk, rule.name, tree, nodes, stops)


def taken_by(rule: Rule | None, tree: dict[str, Any], nodes: Iterable[str]) -> Entry | None:
    """The earlier rule that would take all studies of a condition in the place of `rule`, or in the last one.

    Args:
        nodes: primary keys of the nodes that the rule is limited to, as a form gives them.
    """
    before = Rule.objects.filter(stop_on_match=True, enforcement=Enforcement.ACTIVE)
    if rule is not None and rule.pk:
        before = before.filter(position__lt=rule.position)
    earlier = [made for each in before.prefetch_related("nodes") if (made := _entry(each))]
    limited = frozenset(int(node) for node in nodes if node.isdecimal() and len(node) < 10)
    return shadow.taken_by(Entry(0, "", tree, limited, False), earlier)
