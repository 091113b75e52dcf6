"""What the rules decided about a study when they last looked at it, and which versions of them that were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.models import RuleRevision
from routing.timeline import Moment


@dataclass(frozen=True)
class Decided:
    """The newest decisions; each row is one of `rules.evaluated` (docs/protocol.md)."""

    at: datetime
    rows: list[dict[str, Any]]


def newest(moments: Iterable[Moment]) -> Decided | None:
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
    )
