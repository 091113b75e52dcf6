"""What the rules decided about a study when they last looked at it, and which versions of them that were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.models import Rule, RuleRevision, Study
from routing.models.rule import Enforcement
from routing.services.destinations import serving
from routing.timeline import Moment


@dataclass(frozen=True)
class Decided:
    """The newest decisions; each row is one of `rules.evaluated` (docs/protocol.md)."""

    at: datetime
    rows: list[dict[str, Any]]
    # The rule that ended the asking, and those that were therefore not asked.
    stopped_by: str = ""
    not_asked: tuple[Rule, ...] = ()


def newest(study: Study, moments: Iterable[Moment]) -> Decided | None:
    """The decisions of the newest evaluation, of moments that are newest first; None when there was none.

    A row has `known` when the version that decided is still there to be looked at.
    """
    moment = next((each for each in moments if each.kind == "rules"), None)
    if moment is None:
        return None
    rows = [row for row in moment.data.get("decisions") or () if isinstance(row, dict)]
    rules = [row["rule"] for row in rows if isinstance(row.get("rule"), int)]
    found = RuleRevision.objects.filter(rule__in=rules).values_list("rule_id", "number")
    there = set(found)
    return Decided(
        moment.at,
        [{**row, "known": (row.get("rule"), row.get("revision")) in there} for row in rows],
        *_stopped(study, moment.at, rows),
    )


def _stopped(
    study: Study, at: datetime, rows: list[dict[str, Any]]
) -> tuple[str, tuple[Rule, ...]]:
    """Which rule stopped at its match, and the rules after it that this node would have asked else."""
    last = rows[-1] if rows else {}
    if last.get("result") != "match" or last.get("enforcement") != "active":
        return "", ()
    revision = (
        RuleRevision.objects.filter(rule=last.get("rule"), number=int(last.get("revision") or 0))
        .select_related("rule")
        .first()
    )
    if revision is None or not revision.content.get("stop_on_match"):
        return "", ()
    after = Rule.objects.filter(position__gt=revision.rule.position, created_at__lte=at)
    asked = [row.get("rule") for row in rows]
    left = after.exclude(enforcement=Enforcement.DISABLED).exclude(pk__in=asked)
    return str(last.get("name")), tuple(left.filter(serving(study.node)).distinct())
