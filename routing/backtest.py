"""Replays a rule over the studies that the console knows: what it would have forwarded. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from routing.conditions import MATCH, UNDECIDED, Condition, StudyFacts, decide

LISTED = 50
UNREAD_TAGS = 20


class Version(NamedTuple):
    """A rule as far as a replay needs it. `nodes` is empty for every node."""

    condition: Condition
    level: str
    nodes: frozenset[int]


class Past(NamedTuple):
    """A study as the console knows it. `at` is the local time at which its node decided, `day` when it was reported."""

    pk: int
    node: int
    size: int | None
    at: datetime
    day: date
    facts: dict[str, Any]


@dataclass
class Tally:
    """What a replay has counted so far; JSON can hold it.

    Attributes:
        days: date -> [studies, matched, matched by the saved version].
        stopped: studies that match, but that an earlier rule stops.
        unsized: matched studies whose size is not known.
        unread: DICOM keyword -> undecided studies that lack it.
        gained, lost: the first studies that are newly matched or no longer.
    """

    seen: int = 0
    matched: int = 0
    before: int = 0
    undecided: int = 0
    stopped: int = 0
    size: int = 0
    size_before: int = 0
    unsized: int = 0
    gained_count: int = 0
    lost_count: int = 0
    gained: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    days: dict[str, list[int]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Replay:
    """A rule, the version of it that is saved (None for a new or disabled one), and the rules before it that stop."""

    rule: Version
    saved: Version | None = None
    stops: Sequence[Version] = ()

    def add(self, tally: Tally, study: Past) -> None:
        """Count one study."""
        facts = StudyFacts(study.facts.get("study") or {}, study.facts.get("series") or [])
        stopped = any(_result(each, study, facts) == MATCH for each in self.stops)
        now = _result(self.rule, study, facts)
        was = not stopped and self.saved is not None and _result(self.saved, study, facts) == MATCH
        day = tally.days.setdefault(study.day.isoformat(), [0, 0, 0])
        tally.seen += 1
        day[0] += 1
        if now == UNDECIDED:
            tally.undecided += 1
            self._note_absent(tally, facts)
        matches = now == MATCH and not stopped
        tally.stopped += now == MATCH and stopped
        if matches:
            tally.matched += 1
            day[1] += 1
            tally.size += study.size or 0
            tally.unsized += study.size is None
        if was:
            tally.before += 1
            day[2] += 1
            tally.size_before += study.size or 0
        if matches and not was:
            tally.gained_count += 1
            _list(tally.gained, study.pk)
        if was and not matches:
            tally.lost_count += 1
            _list(tally.lost, study.pk)

    def _note_absent(self, tally: Tally, facts: StudyFacts) -> None:
        for name in self.rule.condition.tags:
            if facts.raw(name) is None and (
                name in tally.unread or len(tally.unread) < UNREAD_TAGS
            ):
                tally.unread[name] = tally.unread.get(name, 0) + 1


def _result(version: Version, study: Past, facts: StudyFacts) -> str:
    if version.nodes and study.node not in version.nodes:
        return ""
    return decide(version.condition, facts, level=version.level, now=study.at).result


def _list(listed: list[int], pk: int) -> None:
    if len(listed) < LISTED:
        listed.append(pk)
