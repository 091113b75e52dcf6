"""Which names the site's own studies carry, and with which values: for completion in the rule editor."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.core.cache import cache

from routing.conditions.values import is_absent, shown
from routing.language import symbols_catalogue
from routing.language.symbols import Symbol, find_symbol
from routing.models import Study

LOOKED_AT = 400
VALUES = 8
LONGEST = 80
KEPT_FOR = 60
SEARCHED = 400
# Values of these name a person or a single thing: they would tell nothing to somebody who writes a rule.
_NAMING_VRS = frozenset({"PN", "UI", "DA", "TM", "DT"})
_NAMING = frozenset(
    {
        *("PatientID", "IssuerOfPatientID", "OtherPatientIDs", "PatientAddress", "AccessionNumber"),
        *(
            "PatientTelephoneNumbers",
            "StudyID",
            "ReceivedAt",
            "AdmissionID",
            "MedicalRecordLocator",
        ),
    }
)

Values = dict[str, list[str]]


def seen_values() -> Values:
    """Keyword -> its most frequent values in the latest studies; kept for a minute.

    A keyword whose values name a patient, a date or an identifier has an empty list.
    """
    found: Values | None = cache.get("rule-samples")
    if found is None:
        facts = Study.objects.order_by("-reported_at").values_list("facts", flat=True)[:LOOKED_AT]
        found = count_values(facts)
        cache.set("rule-samples", found, KEPT_FOR)
    return found


def count_values(studies: Iterable[Mapping[str, Any]]) -> Values:
    """The same of given facts (see routing.conditions.StudyFacts)."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    # A name that is no keyword is looked up in the database.
    known = lru_cache(find_symbol)
    for facts in studies:
        for tags in (facts.get("study") or {}, *(facts.get("series") or ())):
            for name, raw in tags.items():
                if not is_absent(raw):
                    counts[name].update(_parts(known(name), raw))
    return {name: [value for value, _ in each.most_common(VALUES)] for name, each in counts.items()}


def _parts(symbol: Symbol | None, raw: object) -> list[str]:
    if symbol is None or symbol.vr in _NAMING_VRS or symbol.name in _NAMING:
        return []
    text = shown(raw).strip()
    parts = text.split("\\") if symbol.kind.is_list else [text]
    return [part for part in parts if 0 < len(part) <= LONGEST]


def complete(query: str, limit: int = 20) -> list[dict[str, Any]]:
    """The names that contain `query`, those that the site's studies carry first.

    Each is as `symbols_catalogue` gives it, with `seen` and `samples`.
    """
    seen = seen_values()
    found = symbols_catalogue(query, SEARCHED)
    begins = query.lower()
    found.sort(
        key=lambda each: (not each["name"].lower().startswith(begins), each["name"] not in seen)
    )
    return [
        {**each, "seen": each["name"] in seen, "samples": seen.get(each["name"], [])}
        for each in found[:limit]
    ]
