"""Deletes one study of a run: everything is asked again right before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancDown, OrthancError
from purge.plugin.judge import ALL, WITHOUT_PROOF, Check, Kept, judge
from purge.plugin.runs import Line, Run, RunStore
from purge.plugin.spec import Spec
from purge.plugin.stored import UNREADABLE, StoredStudy, Surroundings, look_up

# A study of many thousand images takes Orthanc long.
DELETE_TIMEOUT = 600.0
GONE = Kept("gone", "Somebody else deleted it.")


@dataclass
class Outcome:
    """What became of the studies of one chunk."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    bytes: int = 0

    def add(self, line: Line, **values: Any) -> None:
        report = {**line.data, "reason": "", "detail": "", "at": clock.iso(clock.now()), **values}
        self.lines.append(report)
        self.numbers.append(line.number)
        if report["outcome"] == "deleted":
            self.bytes += int(report["size_bytes"])

    def count(self, outcome: str) -> int:
        return sum(line["outcome"] == outcome for line in self.lines)


class Deletion:
    """Looks at studies for the last time, and asks Orthanc to delete them."""

    def __init__(self, runs: RunStore, around: Surroundings) -> None:
        self._runs = runs
        self._around = around

    def delete(self, run: Run, spec: Spec, line: Line, outcome: Outcome) -> None:
        """Ask everything again, then delete."""
        proofs: list[dict[str, Any]] = []
        try:
            study, kept = self._ask_again(spec, line, ALL)
            if study and not kept and spec.verified_at:
                proofs = study.proved(spec.verified_at)
                # Destinations take seconds or minutes to answer. What came to it meanwhile is not among what they have.
                _study, kept = self._ask_again(spec, line, WITHOUT_PROOF)
        except UNREADABLE as error:
            kept = Kept("cannot_tell", f"Orthanc cannot read it: {error!r}")
        if kept == GONE and line.sent is not None:
            outcome.add(line, outcome="deleted", verified=line.sent)
        elif kept:
            outcome.add(line, outcome="kept", reason=kept.reason, detail=kept.detail)
        else:
            self._send_delete(run, line, proofs, outcome)

    def _ask_again(
        self, spec: Spec, line: Line, checks: Sequence[Check]
    ) -> tuple[StoredStudy | None, Kept | None]:
        study = look_up(self._around, line.study)
        if study is None:
            return None, GONE
        return study, self._changed(line, study) or judge(spec, study, clock.now(), checks)

    @staticmethod
    def _changed(line: Line, study: StoredStudy) -> Kept | None:
        if (
            study.last_update == line.data["updated"]
            and study.series_count == line.data["series_count"]
        ):
            return None
        return Kept(
            "changed", "It was changed after the run was planned; the next run looks at it."
        )

    def _send_delete(
        self, run: Run, line: Line, proofs: list[dict[str, Any]], outcome: Outcome
    ) -> None:
        try:
            self._around.orthanc.delete(f"/studies/{line.study}", timeout=DELETE_TIMEOUT)
        except OrthancDown:
            self._runs.note_sent(run.id, line, proofs)
            raise
        except NotFound:
            # It was there a moment ago: the request was repeated after a connection broke.
            outcome.add(line, outcome="deleted", verified=proofs)
        except OrthancError as error:
            outcome.add(line, outcome="failed", reason="refused", detail=str(error))
        else:
            outcome.add(line, outcome="deleted", verified=proofs)

    def is_gone(self, study: str) -> bool:
        """Whether the study is not there any more, as far as Orthanc tells.

        Raises:
            OrthancDown: it does not answer, about anything.
        """
        try:
            return look_up(self._around, study) is None
        except UNREADABLE as error:
            logger.error("study %s cannot be read and counts as kept: %r", study, error)
        except OrthancDown:
            if not self.answers():
                raise
        return False

    def answers(self) -> bool:
        """Whether it was the one study that Orthanc did not answer about, or Orthanc is away."""
        try:
            self._around.orthanc.get("/system")
        except OrthancDown:
            return False
        return True
