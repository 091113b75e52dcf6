"""Which rules match a study, and what therefore goes where. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from routing import hours
from routing.conditions import Condition, Decision, StudyFacts, decide
from routing.plugin.deliveries import PRIORITY
from routing.plugin.studies import StudyContent


@dataclass(frozen=True)
class Destination:
    """A destination as the console describes it to this node."""

    id: int
    name: str
    kind: str
    source: str
    enabled: bool
    paused: bool
    aet: str
    host: str
    port: int | None
    url: str
    username: str
    password: str
    verify: str
    max_in_flight: int
    hours: str = ""
    gone: bool = False

    @property
    def server(self) -> str:
        """The host that it is on."""
        return (urlsplit(self.url).hostname or "") if self.url else self.host

    def hold_reason(self, now: datetime) -> str:
        """Why nothing is sent there for now; empty when it is open.

        Args:
            now: local time of the node, for the hours.
        """
        if self.gone:
            return "destination_gone"
        if not self.enabled:
            return "disabled"
        if self.paused:
            return "paused"
        return "" if hours.parse(self.hours).open_at(now) else "outside_hours"


@dataclass(frozen=True)
class Rule:
    """An active or dry-run rule with its compiled condition."""

    id: int
    name: str
    revision: int
    enforcement: str
    level: str
    condition: Condition
    destinations: tuple[int, ...]
    late_arrivals: str
    stop_on_match: bool
    priority: str = "normal"

    def as_reference(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "revision": self.revision}


@dataclass
class Planned:
    """A set of instances for one destination, and the rules that want it."""

    destination: int
    instances: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)
    skip_reason: str = ""
    # Some of it came over HTTP, perhaps from this very peer.
    ask_first: bool = False

    @property
    def head_start(self) -> float:
        """Seconds by which the most urgent of its rules puts it forward in the queue; negative puts it forward."""
        return min((PRIORITY[rule.priority] for rule in self.rules), default=0.0)


@dataclass(frozen=True)
class Plan:
    decisions: list[dict[str, Any]]
    deliveries: list[Planned]


def plan(
    content: StudyContent,
    rules: Sequence[Rule],
    destinations: Mapping[int, Destination],
    covered: Mapping[int, frozenset[str]],
    now: datetime,
) -> Plan:
    """Decide by the rules in their order.

    Args:
        covered: by destination, the instances of this study that earlier deliveries already carry.
        now: the node's local time without zone, as DICOM dates are.

    Returns:
        a decision for each rule that was looked at, and one delivery for each destination that something new must go to.
    """
    facts = StudyFacts(content.facts["study"], content.facts["series"])
    decisions = []
    wanted: dict[tuple[int, bool], Planned] = {}
    for rule in rules:
        decision = decide(rule.condition, facts, level=rule.level, now=now)
        decisions.append(_report(rule, decision))
        if decision.result != "match":
            continue
        instances = _selected(content, rule, decision)
        for ident in rule.destinations:
            if ident in destinations:
                rest = _still_to_send(rule, instances, covered.get(ident, frozenset()))
                _add(wanted, rule, ident, rest)
        if rule.stop_on_match and rule.enforcement == "active":
            break
    deliveries = [_guarded(content, planned, destinations) for planned in _merged(wanted)]
    return Plan(decisions, deliveries)


def _report(rule: Rule, decision: Decision) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "name": rule.name,
        "revision": rule.revision,
        "enforcement": rule.enforcement,
        "result": decision.result,
        "explanation": decision.explanation,
        "destinations": list(rule.destinations),
    }


def _selected(content: StudyContent, rule: Rule, decision: Decision) -> frozenset[str]:
    if rule.level == "study":
        return content.instances
    return frozenset(i for n in decision.matched_series for i in content.series[n].instances)


def _still_to_send(
    rule: Rule, instances: frozenset[str], covered: frozenset[str]
) -> frozenset[str]:
    """What late arrivals mean for this rule. Identical instances that came again are not new."""
    new = instances - covered
    if not new or not covered or rule.late_arrivals == "delta":
        return new
    return instances if rule.late_arrivals == "whole" else frozenset()


def _add(
    wanted: dict[tuple[int, bool], Planned], rule: Rule, destination: int, instances: frozenset[str]
) -> None:
    if not instances:
        return
    real = rule.enforcement == "active"
    planned = wanted.setdefault((destination, real), Planned(destination))
    planned.instances |= instances
    planned.rules.append(rule)
    planned.skip_reason = "" if real else "dry_run"


def _merged(wanted: dict[tuple[int, bool], Planned]) -> list[Planned]:
    """One delivery for each destination; a dry run shows only what no active rule sends anyway."""
    for (destination, real), planned in wanted.items():
        active = wanted.get((destination, True))
        if not real and active is not None:
            planned.instances -= active.instances
    return [planned for planned in wanted.values() if planned.instances]


def _guarded(
    content: StudyContent, planned: Planned, destinations: Mapping[int, Destination]
) -> Planned:
    """Take out what would go back to where it came from.

    A modality tells by its AE title. A peer cannot be told from another HTTP client, so it is asked before anything is sent.
    """
    destination = destinations[planned.destination]
    if planned.skip_reason or destination.kind == "dicomweb":
        return planned
    if destination.kind == "peer":
        by_http = [s for s in content.series if s.by_http and planned.instances & {*s.instances}]
        planned.ask_first = bool(by_http)
        return planned
    back = {
        instance
        for series in content.series
        if destination.aet in series.source_aets
        for instance in series.instances
    }
    if planned.instances <= back:
        planned.skip_reason = "loop_guard"
    else:
        planned.instances -= back
    return planned
