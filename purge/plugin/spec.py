"""What one run goes by, as the console or the scripts' endpoint asked for it. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from routing.conditions import Condition, compile_condition

DAY = 24 * 3600.0
STUDY_DATE, RECEIVED, UPDATED = "study_date", "received", "updated"
KEEP, BY_RECEPTION = "keep", "received"
# How far the console's clock may be ahead of the node's before an age that it worked out is not believed.
CLOCK_SLACK = 600.0

_DATE = re.compile(r"[0-9]{8}", re.ASCII)


class SpecError(ValueError):
    """The node cannot go by this; the message is a sentence."""


def real_date(text: str) -> str:
    """A DICOM date (PS3.5 section 6.2, VR DA), stripped; empty when it is not a day of the calendar."""
    text = text.strip(" \0")
    if not _DATE.fullmatch(text):
        return ""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return ""
    return text


@dataclass(frozen=True)
class Spec:
    """One run's terms.

    Attributes:
        condition: None means every study.
        last_date: the latest study date that is old enough, YYYYMMDD.
        cutoff: the latest time of reception or update that is old enough, in seconds since the epoch.
        undated: what becomes of a study without a real study date when the age is by study date.
        min_age: seconds for which a study is kept after its last image came.
        verified_at: destinations that must have every image.
        max_bytes: None is without limit, as is `max_studies`.
        per_minute: how many studies are deleted in a minute, 0 for as many as go.
        watermark: percent of the disk above which the run starts and below which it stops.
        only_live: only what may still be sent keeps a study, as the scripts' endpoint has it: a delivery that failed for good
            does not, and neither does a study that still grows where no rule could forward it.
        failed_studies: studies with failed deliveries that only the console remembers, as older consoles tell it.
        failed_deliveries: study -> failed deliveries that the console remembers; those that the node knows it judges by itself.
    """

    basis: str = STUDY_DATE
    last_date: str = ""
    cutoff: float = 0.0
    undated: str = KEEP
    condition: Condition | None = None
    min_age: float = DAY
    keep_labels: frozenset[str] = frozenset()
    verified_at: tuple[int, ...] = ()
    max_studies: int | None = None
    max_bytes: int | None = None
    per_minute: int = 0
    watermark: tuple[float, float] | None = None
    dry_run: bool = False
    only_live: bool = False
    failed_studies: frozenset[str] = frozenset()
    failed_deliveries: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def reads_labels(self) -> bool:
        """Whether it makes no sense on a server that has no labels."""
        if self.only_live:
            return False
        return bool(self.keep_labels) or (
            self.condition is not None and "Labels" in self.condition.fields
        )


def parse(data: Mapping[str, Any], now: float) -> Spec:
    """Read SPEC of docs/protocol.md.

    Args:
        now: seconds since the epoch by the node's clock.

    Raises:
        SpecError: something is missing or makes no sense, or the clocks of console and node differ.
        ConditionError: this plugin cannot read the condition.
    """
    try:
        spec = _read(data)
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"This plugin cannot read the terms of the run: {error}.") from error
    if spec.basis not in (STUDY_DATE, RECEIVED, UPDATED) or spec.undated not in (
        KEEP,
        BY_RECEPTION,
    ):
        raise SpecError("This plugin does not know how the run counts the age of studies.")
    if spec.basis == STUDY_DATE and not real_date(spec.last_date):
        raise SpecError("The run names no date.")
    if float(data["made_at"]) > now + CLOCK_SLACK:
        raise SpecError(
            "The console's clock is ahead of this server's, so how old studies are is not certain. Set both by one time server."
        )
    return spec


def _read(data: Mapping[str, Any]) -> Spec:
    watermark = data["watermark"]
    tree = data["condition"]
    return Spec(
        basis=str(data["basis"]),
        last_date=str(data["last_date"]),
        cutoff=float(data["cutoff"]),
        undated=str(data["undated"]),
        condition=None if tree is None else compile_condition(tree),
        min_age=float(data["min_days_since_received"]) * DAY,
        keep_labels=frozenset(str(label) for label in data["keep_labels"]),
        verified_at=tuple(int(each) for each in data["verified_at"]),
        max_studies=_limit(data["max_studies"]),
        max_bytes=_limit(data["max_bytes"]),
        per_minute=int(data["per_minute"]),
        watermark=None if watermark is None else (float(watermark[0]), float(watermark[1])),
        dry_run=bool(data["dry_run"]),
        only_live=bool(data.get("only_live", False)),
        failed_studies=frozenset(str(study) for study in data["failed_studies"]),
        failed_deliveries={
            str(study): frozenset(map(str, deliveries))
            for study, deliveries in data.get("failed_deliveries", {}).items()
        },
    )


def _limit(value: Any) -> int | None:
    return None if value is None else int(value)


def of_endpoint(since: str, keep_labels: list[str], now: float) -> dict[str, Any]:
    """SPEC of a call of /purge-old-studies: every study of that day or before.

    Args:
        since: YYYYMMDD, a real date.
    """
    return {
        "basis": STUDY_DATE,
        "last_date": since,
        "cutoff": 0.0,
        "undated": KEEP,
        "condition": None,
        "min_days_since_received": 0,
        "keep_labels": keep_labels,
        "verified_at": [],
        "max_studies": None,
        "max_bytes": None,
        "per_minute": 0,
        "watermark": None,
        "dry_run": False,
        "only_live": True,
        "failed_studies": [],
        "made_at": now,
    }
