"""What holds for one node and not for the others: limits to nodes, versions, settings, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intercept.models import WebhookTarget
from orthanc_console.nodes.models import Node
from orthanc_console.nodes.setting_words import settings_of
from purge.models import PurgePolicy
from routing.models import Destination, Rule
from routing.models.destination import Source

NAMES_SHOWN = 3
# What can be limited to nodes: its word, and the name of its page.
LIMITED: tuple[tuple[Any, Promise, str], ...] = (
    (Rule, gettext_lazy("Rule"), "rule"),
    (Destination, gettext_lazy("Destination"), "destination"),
    (PurgePolicy, gettext_lazy("Purge policy"), "policy"),
    (WebhookTarget, gettext_lazy("Webhook"), "webhook-target"),
)


class Difference(NamedTuple):
    """One line: what it is about, how it is on this node, and how on the others."""

    what: Promise | str
    name: str
    url: str
    here: str
    others: str


def differences(node: Node) -> list[Difference] | None:
    """How the node differs from the others that have called; None while there is no other."""
    others = list(Node.objects.exclude(pk=node.pk).exclude(last_seen_at=None))
    if not others:
        return None
    return [*_limits(node), *_facts(node, others), *_warnings(node, others)]


def _limits(node: Node) -> Iterator[Difference]:
    for model, word, page in LIMITED:
        rows = model._default_manager.filter(nodes__isnull=False).distinct()
        if model is Destination:
            # Those that were found belong to their Orthanc alone, and are listed as such.
            rows = rows.filter(source=Source.CONSOLE)
        for each in rows.prefetch_related("nodes"):
            named: list[Node] = list(each.nodes.all())
            elsewhere = [other.name for other in named if other.pk != node.pk]
            here = len(elsewhere) < len(named)
            yield Difference(
                word,
                str(each),
                reverse(page, args=(each.pk,)),
                _("yes") if here else _("no"),
                _("only %(nodes)s") % {"nodes": _few(elsewhere)} if elsewhere else _("none"),
            )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return shown if more <= 0 else _("%(names)s and %(n)d more") % {"names": shown, "n": more}


def _facts(node: Node, others: list[Node]) -> Iterator[Difference]:
    own, theirs = _of(node), [_of(other) for other in others]
    for name, here in own.items():
        known = Counter(each[name] for each in theirs if each.get(name))
        if not here or not known:
            continue
        [(usual, count)] = known.most_common(1)
        if known[here] < count:
            share = {"value": usual, "n": count, "all": sum(known.values())}
            yield Difference(name, "", "", here, _("%(value)s on %(n)d of %(all)d") % share)


def _of(node: Node) -> dict[str, str]:
    """Versions and settings by their name."""
    python: Any = node.status.get("python_version")
    return {
        _("Version of Orthanc"): node.orthanc_version,
        _("Version of the plugin"): node.plugin_version,
        _("Version of Python"): python if isinstance(python, str) else "",
        **{setting.name: setting.value for setting in settings_of(node.status)},
    }


def _warnings(node: Node, others: list[Node]) -> Iterator[Difference]:
    elsewhere = Counter(code for other in others for code in _codes(other))
    for code in sorted(_codes(node)):
        if elsewhere[code] * 2 < len(others):
            share = {"n": elsewhere[code], "all": len(others)}
            yield Difference(_("Warning"), code, "", _("yes"), _("on %(n)d of %(all)d") % share)


def _codes(node: Node) -> set[str]:
    return {str(warning.get("code", "")) for warning in node.warnings}
