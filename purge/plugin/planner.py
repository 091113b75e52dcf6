"""Which studies a run would delete, and why it keeps the others. Reads Orthanc, changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown
from purge.plugin.judge import (
    AT_SIGHT,
    CLOSER,
    UNCONCERNED,
    Kept,
    age_key,
    judge,
)
from purge.plugin.spec import Spec, SpecError
from purge.plugin.stored import (
    MODALITIES,
    UNREADABLE,
    StoredStudy,
    Surroundings,
    ask_together,
    look_up,
)

PAGE = 500
# Of each reason that merely says that the run is not about a study, so many are listed; all are counted.
LISTED_UNCONCERNED = 200
# So many studies are kept in memory while the oldest are looked for; beyond, Orthanc is asked again.
REMEMBERED = 20_000
# Of so many the series are asked for with one call.
TOGETHER = 50

Line = dict[str, Any]
# Bytes in use and bytes in all of the disk that the studies are on.
DiskUsage = Callable[[], tuple[int, int]]


@dataclass
class Plan:
    """What a run would do. `delete` is in the order of deletion, the oldest first."""

    delete: list[Line] = field(default_factory=list)
    kept: list[Line] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    modalities: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    note: str = ""

    @property
    def kept_count(self) -> int:
        return sum(self.reasons.values())

    def keep(self, study: StoredStudy, kept: Kept) -> None:
        self.reasons[kept.reason] += 1
        if kept.reason not in UNCONCERNED or self.reasons[kept.reason] <= LISTED_UNCONCERNED:
            self.kept.append(kept_line(study.line(), kept))

    def take(self, line: Line) -> None:
        self.delete.append(line)
        self.bytes += line["size_bytes"]
        self.modalities.update(line["modalities"])

    def summary(self) -> dict[str, Any]:
        dates = [line["study_date"] for line in self.delete if line["study_date"]]
        return {
            "oldest": min(dates, default=""),
            "newest": max(dates, default=""),
            "modalities": dict(self.modalities),
            "kept": dict(self.reasons),
        }


def kept_line(line: Line, kept: Kept) -> Line:
    """LINE of docs/protocol.md of a study that stays."""
    return {**line, "outcome": "kept", "reason": kept.reason, "detail": kept.detail}


def check_server(spec: Spec, orthanc: OrthancClient) -> None:
    """Refuse what this version of Orthanc cannot tell; it would silently ignore the question.

    Raises:
        SpecError: with the reason.
    """
    if spec.reads_labels and not orthanc.get("/system").get("HasLabels"):
        raise SpecError(
            "The policy reads labels, and this Orthanc has none (they came with Orthanc 1.12.0, and need a database that stores "
            "them). Nothing was deleted. Take the labels out of the policy, or limit it to other nodes."
        )


def survey(around: Surroundings) -> Iterator[StoredStudy]:
    """Every study of the server, as its listing tells it.

    One that is skipped because others are deleted meanwhile is looked at by the next run. One that arrives meanwhile moves others
    into the next page, since Orthanc sorts them by identifier: they come twice, and count once.
    """
    offset = 0
    query = f"limit={PAGE}&{MODALITIES}"
    before: set[str] = set()
    while page := around.orthanc.get(f"/studies?expand&since={offset}&{query}"):
        offset += len(page)
        studies = [study for listed in page if (study := _listed(around, listed))]
        yield from (study for study in studies if study.ident not in before)
        before = {study.ident for study in studies}


def _listed(around: Surroundings, listed: Any) -> StoredStudy | None:
    try:
        return StoredStudy(around, listed)
    except UNREADABLE as error:
        logger.error("a study that is listed oddly is left out: %r", error)
        return None


def plan(spec: Spec, around: Surroundings, usage: DiskUsage) -> Plan:
    """Look at every study.

    Raises:
        SpecError: this server cannot answer what the run has to know, or the fill of its disk is not known.
        OrthancDown: Orthanc does not answer.
    """
    check_server(spec, around.orthanc)
    made = Plan()
    to_free = _to_free(spec, usage)
    if to_free is not None and to_free <= 0:
        made.note = _note(spec, usage)
        return made
    due: list[tuple[float | str, str, StoredStudy | None]] = []
    for study in survey(around):
        if kept := _at_sight(spec, study, around):
            made.keep(study, kept)
        else:
            seen = study if len(due) < REMEMBERED else None
            due.append((age_key(spec, study), study.ident, seen))
    due.sort(key=lambda each: each[:2], reverse=True)
    while due:
        # Taken out, so that what is learned of them is not kept until the end.
        batch = [due.pop() for _ in range(min(TOGETHER, len(due)))]
        if not _full(made, spec, to_free):
            ask_together(around, [seen for _age, _ident, seen in batch if seen])
        for _age, ident, seen in batch:
            try:
                _look_closer(made, spec, seen or _ask_again(around, ident), to_free)
            except OrthancDown as down:
                kept = _unanswered(around, down)
                if seen:
                    made.keep(seen, kept)
                else:
                    logger.error("study %s is left out: %s", ident, kept.detail)
                    made.reasons[kept.reason] += 1
    return made


def _at_sight(spec: Spec, study: StoredStudy, around: Surroundings) -> Kept | None:
    try:
        return judge(spec, study, clock.now(), AT_SIGHT)
    except UNREADABLE as error:
        return Kept("cannot_tell", f"Orthanc cannot read it: {error!r}")
    except OrthancDown as down:
        return _unanswered(around, down)


def _unanswered(around: Surroundings, down: OrthancDown) -> Kept:
    """One study takes Orthanc too long, which must not stop the others.

    Raises:
        OrthancDown: it is away.
    """
    around.orthanc.get("/system")
    return Kept("cannot_tell", f"Orthanc did not answer about it: {down}")


def _look_closer(made: Plan, spec: Spec, study: StoredStudy | None, to_free: int | None) -> None:
    if study is None:
        return
    try:
        kept = _full(made, spec, to_free) or judge(spec, study, clock.now(), CLOSER)
        line = {} if kept else study.full_line(spec.verified_at)
    except UNREADABLE as error:
        kept = Kept("cannot_tell", f"Orthanc cannot read it: {error!r}")
    if not kept and spec.max_bytes is not None and made.bytes + line["size_bytes"] > spec.max_bytes:
        kept = Kept("capped", "The run may delete only so many bytes.")
    if kept:
        made.keep(study, kept)
    else:
        made.take({**line, "outcome": "planned", "reason": "", "detail": ""})


def _ask_again(around: Surroundings, ident: str) -> StoredStudy | None:
    try:
        return look_up(around, ident, f"?{MODALITIES}")
    except UNREADABLE as error:
        logger.error("study %s cannot be read and is left out: %r", ident, error)
        return None


def _full(made: Plan, spec: Spec, to_free: int | None) -> Kept | None:
    if spec.max_studies is not None and len(made.delete) >= spec.max_studies:
        return Kept("capped", "The run may delete only so many studies.")
    if spec.max_bytes is not None and made.bytes >= spec.max_bytes:
        return Kept("capped", "The run may delete only so many bytes.")
    if to_free is not None and made.bytes >= to_free:
        return Kept("capped", "Enough of the disk is freed without it.")
    return None


def _to_free(spec: Spec, usage: DiskUsage) -> int | None:
    """Bytes that have to go for the disk to be below the watermark; None when there is none."""
    if spec.watermark is None:
        return None
    start, stop = spec.watermark
    used, total = _measure(usage)
    if used * 100 < start * total:
        return 0
    return int(used - stop * total / 100)


def _measure(usage: DiskUsage) -> tuple[int, int]:
    try:
        return usage()
    except OSError as error:
        raise SpecError(
            f"How full the disk of the studies is cannot be told: {error}. Nothing more is deleted. The policy goes by it; take "
            "the watermark out of the policy, or limit it to other nodes."
        ) from error


def _note(spec: Spec, usage: DiskUsage) -> str:
    used, total = _measure(usage)
    start = spec.watermark[0] if spec.watermark else 0.0
    return (
        f"The disk is {used * 100 / total:.0f} % full, below the {start:.0f} % at which it starts."
    )


def full_enough(spec: Spec, usage: DiskUsage) -> bool:
    """Whether a run by watermark has more to free."""
    if spec.watermark is None:
        return True
    used, total = _measure(usage)
    return used * 100 > spec.watermark[1] * total
