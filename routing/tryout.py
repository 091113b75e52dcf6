"""Trying a condition on studies that the console knows, and on tags that somebody typed or took from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from routing.conditions import Condition, Decision, StudyFacts, decide
from routing.filters import StudyFilter
from routing.models import Study

SHOWN = 25
LINES = 1000
LONGEST_LINE = 2000
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9]{0,63})\s*(?:=|:)\s*(.*?)\s*", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Tried:
    """A study, or tags without one, and what the condition says of it."""

    study: Study | None
    decision: Decision

    @property
    def explanation(self) -> dict[str, Any]:
        return self.decision.explanation


class TagsProblem(ValueError):
    """A line that is not `Keyword = value`; the message says which."""


def local_time_of(study: Study) -> datetime:
    """The time at which a node would have decided: when the study was complete there."""
    return timezone.localtime(study.stable_at or study.reported_at)


def on_studies(condition: Condition, level: str, studies: Iterable[Study]) -> Iterator[Tried]:
    """Decide each study as its node did, at the time when it was complete."""
    for study in studies:
        facts = StudyFacts(study.facts.get("study") or {}, study.facts.get("series") or [])
        yield Tried(study, decide(condition, facts, level=level, now=local_time_of(study)))


def latest(search: str = "") -> tuple[list[Study], list[str]]:
    """The latest studies that a search finds, and what is wrong with the search."""
    rows = Study.objects.select_related("node").filter(last_seq__gte=0)
    found = StudyFilter({"search": search}, rows)
    if not found.is_valid():
        return [], [message for messages in found.errors.values() for message in messages]
    return list(found.qs[:SHOWN]), []


def on_tags(condition: Condition, level: str, tags: Mapping[str, str]) -> Tried:
    """Decide a study that has these tags and no others."""
    return Tried(
        None, decide(condition, StudyFacts(tags, []), level=level, now=timezone.localtime())
    )


def tags_of(text: str) -> dict[str, str]:
    """Read tags that were typed by hand: one `Keyword = value` a line, several values joined by a backslash.

    Raises:
        TagsProblem: a line is none.
    """
    tags = {}
    lines = text.splitlines()
    if len(lines) > LINES:
        raise TagsProblem(_("There are more than %(n)d lines.") % {"n": LINES})
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line[:LONGEST_LINE])
        if found is None:
            raise TagsProblem(
                _("Line %(n)d is not a tag: write it as Modality = CT.") % {"n": number}
            )
        tags[found[1]] = found[2]
    return tags


def as_lines(tags: Mapping[str, str]) -> str:
    """The contrary of `tags_of`."""
    return "\n".join(f"{name} = {' '.join(value.split())}" for name, value in tags.items())
