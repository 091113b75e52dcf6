"""Carries runs out: one thread, which plans them, waits out their hold, and deletes study by study.

Everything is in the state file before it is done, so a run that was killed goes on where it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import OrthancDown
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from purge.plugin import spec as specs
from purge.plugin.deletion import Deletion, Outcome
from purge.plugin.judge import Kept
from purge.plugin.planner import DiskUsage, check_server, full_enough, kept_line, plan
from purge.plugin.runs import DELETING, ENDPOINT, HELD, OPEN, PLANNED, PLANNING, Line, Run, RunStore
from purge.plugin.spec import Spec, SpecError
from purge.plugin.stored import Surroundings
from routing.conditions import ConditionError

LOOK = 0.5
# Studies that are written down as being deleted in one go, and seconds after which they are accounted for at the latest.
CHUNK = 100
CHUNK_SECONDS = 1.0
# While Orthanc receives, a run rests after each study for so many times as long as that took.
GIVE_WAY = 2.0
RECEIVING_FOR = 2.0
# How often Orthanc may leave the deletion of one study unanswered before the run goes on without it.
MAX_FAILURES = 3
# A run begins only while the console is there, so that it could be stopped.
HEARD_LATELY = 30.0
STALE = 24 * 3600.0
# Seconds after which a run that failed in an unforeseen way is tried again.
RETRY_AFTER = 30.0
WITHDRAWN = "Cancelled, because the policy is not active any more, or was changed."


class Executor:
    """`step` runs in one thread. Others add runs and tell what is to become of them through the run store."""

    def __init__(
        self,
        state: State,
        runs: RunStore,
        around: Surroundings,
        warnings: Warnings,
        usage: DiskUsage,
    ) -> None:
        self._state = state
        self._runs = runs
        self._around = around
        self._deletion = Deletion(runs, around)
        self._warnings = warnings
        self._usage = usage
        # Runs whose lines were looked through for what a crash left half done.
        self._taken_up: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._stuck_until: dict[str, float] = {}
        self._waiting: dict[str, threading.Event] = {}
        # Runs that are to end, so that nobody has to look into the state file after each study.
        self._ending: set[str] = set()
        self._position: int | None = None
        self._received_at = -RECEIVING_FOR
        # Which policies may delete, and by which terms; None from a console that does not tell.
        self._in_force: Mapping[str, str] | None = None
        # What an earlier process heard says nothing about what was asked since.
        self._heard_before = state.heard_at
        self.wake = threading.Event()

    def watch(self, run: str) -> threading.Event:
        """An event that is set when the run is over, or when Orthanc does not answer."""
        return self._waiting.setdefault(run, threading.Event())

    def unwatch(self, run: str) -> None:
        self._waiting.pop(run, None)

    def interrupt(self, run: str) -> None:
        """The run was changed so that it has to end: stop after the study that is being deleted."""
        self._ending.add(run)
        self.wake.set()

    def obey(self, in_force: Mapping[str, str] | None) -> None:
        """Go on only with runs of policies that are active by the terms that the runs were given.

        Args:
            in_force: number of each active policy -> key of its terms; None when the console does not tell.
        """
        self._in_force = in_force
        for run in self._runs.open_runs():
            if self._withdrawn(run):
                self.interrupt(run.id)

    def _withdrawn(self, run: Run) -> bool:
        if run.policy is None or run.dry_run or self._in_force is None:
            return False
        terms = self._in_force.get(str(run.policy["id"]))
        return terms is None or run.policy.get("terms", terms) != terms

    def step(self) -> float:
        """Do the next piece of work. Returns seconds until the next."""
        try:
            return self._step()
        except OrthancDown:
            # Whoever waits holds one of Orthanc's threads, which has to end for Orthanc to end.
            for waiting in list(self._waiting.values()):
                waiting.set()
            raise

    def _step(self) -> float:
        pauses = [LOOK]
        for run in self._runs.open_runs():
            now = time.monotonic()
            pause = self._not_before.get(run.id, 0.0) - now
            if self._stuck_until.get(run.id, 0.0) > now:
                continue
            if pause > 0 and not run.ending and run.id not in self._ending:
                pauses.append(pause)
            elif self._work_alone(run):
                return 0.0
        return max(0.01, min(pauses))

    def _work_alone(self, run: Run) -> bool:
        """`_work`, so that a run that fails is in the way of no other."""
        try:
            return self._work(run)
        except OrthancDown:
            raise
        except Exception as error:
            logger.exception("purge run %s failed", run.id)
            self._warnings.set(
                "purge_stuck",
                f"A purge fails and is tried again every {RETRY_AFTER:.0f} seconds: {type(error).__name__}: {error}. "
                "Nothing is lost meanwhile, and other purges go on.",
            )
            self._stuck_until[run.id] = time.monotonic() + RETRY_AFTER
            if waiting := self._waiting.get(run.id):
                waiting.set()
            return False

    def _work(self, run: Run) -> bool:
        """Whether something was done."""
        withdrawn = not run.ending and self._withdrawn(run)
        if run.ending or withdrawn:
            self._take_up(run)
            self._end(run, run.ending or "cancelled", WITHDRAWN if withdrawn else run.detail)
            return True
        try:
            spec = specs.parse(run.spec, clock.now())
            if run.state == PLANNING:
                self._plan(run, spec)
            elif run.state == HELD:
                return self._begin(run, spec)
            else:
                return self._delete_some(run, spec)
        except (SpecError, ConditionError) as error:
            self._refuse(run, str(error))
        return True

    def _plan(self, run: Run, spec: Spec) -> None:
        made = plan(spec, self._around, self._usage)
        now = clock.now()
        with self._state.transaction() as db:
            self._runs.add_planned(db, run.id, made.delete)
            self._runs.report(db, run.id, made.delete)
            self._runs.report(db, run.id, made.kept)
            self._runs.change_in(
                db,
                run.id,
                state=HELD,
                detail=made.note,
                planned_count=len(made.delete),
                planned_bytes=made.bytes,
                kept_count=made.kept_count,
                summary=made.summary(),
                planned_at=now,
                hold_until=now + run.hold_seconds,
            )
        self._taken_up.add(run.id)

    def _begin(self, run: Run, spec: Spec) -> bool:
        if spec.dry_run or not run.planned_count:
            self._end(run, "done", run.detail)
            return True
        if run.cause != ENDPOINT:
            age = self._unheard()
            if age > STALE:
                self._refuse(
                    run,
                    "The console was not heard for more than a day, so the policy may have been changed. Nothing was deleted.",
                )
                return True
            held = run.hold_until is not None and clock.now() < run.hold_until
            if held or not self._stoppable() or (run.needs_approval and not run.approved):
                return False
        self._runs.change(run.id, state="running", started_at=clock.now())
        # What came while nothing was deleted is no reason to give way.
        self._position = None
        return True

    def _unheard(self) -> float:
        heard = self._state.heard_at
        return abs(clock.now() - heard) if heard is not None else STALE + 1

    def _stoppable(self) -> bool:
        """Whether the console was heard lately, and so all that it had asked was taken."""
        return self._state.heard_at != self._heard_before and self._unheard() <= HEARD_LATELY

    def _delete_some(self, run: Run, spec: Spec) -> bool:
        if run.cause != ENDPOINT and self._unheard() > STALE:
            return False
        check_server(spec, self._around.orthanc)
        if self._take_up(run):
            return True
        if not full_enough(spec, self._usage):
            self._end(run, "done", "The disk is below the watermark again.", left="watermark")
        elif not (lines := self._runs.take(run.id, 1 if spec.per_minute else CHUNK)):
            self._end(run, "done", run.detail)
        else:
            try:
                self._account(run, self._delete_chunk(run, spec, lines))
            except BaseException:
                # What is gone by now has to be found again, as after a crash.
                self._taken_up.discard(run.id)
                raise
            if spec.per_minute:
                self._not_before[run.id] = time.monotonic() + 60 / spec.per_minute
        return True

    def _delete_chunk(self, run: Run, spec: Spec, lines: Sequence[Line]) -> Outcome:
        outcome = Outcome()
        deadline = time.monotonic() + CHUNK_SECONDS
        for line in lines:
            begun = time.monotonic()
            try:
                self._deletion.delete(run, spec, line, outcome)
            except OrthancDown as down:
                if not self._deletion.answers():
                    self._account(run, outcome)
                    raise
                self._runs.count_failure(run.id, line)
                if line.failures + 1 < MAX_FAILURES:
                    self._account(run, outcome)
                    raise
                detail = f"Orthanc did not answer {MAX_FAILURES} times: {down}"
                outcome.add(line, outcome="failed", reason="unanswered", detail=detail)
            if time.monotonic() > deadline or run.id in self._ending:
                break
            if self._receiving():
                time.sleep(GIVE_WAY * (time.monotonic() - begun))
        return outcome

    def _receiving(self) -> bool:
        """Whether the change log, which deletions do not write to, has grown lately."""
        position = int(self._state.get("position", 0))
        if self._position is not None and position != self._position:
            self._received_at = time.monotonic()
        self._position = position
        return time.monotonic() - self._received_at < RECEIVING_FOR

    def _take_up(self, run: Run) -> bool:
        """Account for what a crash left half done. Returns whether there was something."""
        if run.id in self._taken_up:
            return False
        outcome = Outcome()
        left = self._runs.lines(run.id, DELETING)
        for line in left:
            if self._deletion.is_gone(line.study):
                outcome.add(line, outcome="deleted")
        self._account(run, outcome)
        self._taken_up.add(run.id)
        if left:
            logger.info("purge run %s goes on after an interruption", run.id)
        return bool(left)

    def _account(self, run: Run, outcome: Outcome) -> None:
        with self._state.transaction() as db:
            self._runs.remove(db, run.id, outcome.numbers)
            self._runs.put_back(db, run.id)
            self._runs.report(db, run.id, outcome.lines)
            current = self._runs.get(run.id) or run
            self._runs.change_in(
                db,
                run.id,
                deleted_count=current.deleted_count + outcome.count("deleted"),
                kept_count=current.kept_count + outcome.count("kept"),
                failed_count=current.failed_count + outcome.count("failed"),
                bytes_freed=current.bytes_freed + outcome.bytes,
            )
            for line in outcome.lines:
                if line["outcome"] == "deleted":
                    self._around.store.forget_study(db, line["study"])

    def _refuse(self, run: Run, why: str) -> None:
        self._take_up(run)
        run = self._runs.get(run.id) or run
        name = run.policy["name"] if run.policy else "/purge-old-studies"
        self._warnings.set("purge_refused", f"The purge “{name}” did not run. {why}")
        state = "refused" if not run.deleted_count else "cancelled"
        self._end(run, state, why)

    def _end(self, run: Run, state: str, detail: str, left: str = "cancelled") -> None:
        """Finish a run; what it has not deleted by now it keeps. A dry run keeps its plan as it is."""
        dry = state == "done" and run.dry_run
        with self._state.transaction() as db:
            lines = [] if dry else self._left(run, left)
            self._runs.report(db, run.id, lines)
            db.execute("DELETE FROM purge_line WHERE run = ?", (run.id,))
            current = self._runs.get(run.id) or run
            self._runs.change_in(
                db,
                run.id,
                state=state,
                ending="",
                detail=detail,
                kept_count=current.kept_count + len(lines),
                finished_at=clock.now(),
            )
        self._not_before.pop(run.id, None)
        if self._stuck_until.pop(run.id, None) is not None:
            self._warnings.clear("purge_stuck")
        self._ending.discard(run.id)
        if waiting := self._waiting.get(run.id):
            waiting.set()

    def _left(self, run: Run, reason: str) -> list[dict[str, Any]]:
        kept = Kept(reason, "The run ended before it.")
        lines = [*self._runs.lines(run.id, PLANNED), *self._runs.lines(run.id, DELETING)]
        return [kept_line(line.data, kept) for line in lines]


def is_open(run: Run | None) -> bool:
    return run is not None and run.state in OPEN
