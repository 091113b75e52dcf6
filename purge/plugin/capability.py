"""Purging as a capability of the plugin: configuration, commands, the scripts' endpoint."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import OrthancDown, OrthancError
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from purge.plugin import spec as specs
from purge.plugin.executor import Executor, is_open
from purge.plugin.judge import Kept
from purge.plugin.planner import DiskUsage, kept_line, plan
from purge.plugin.runs import ENDPOINT, HELD, PLANNED, RUNNING, Run, RunStore
from purge.plugin.spec import SpecError
from purge.plugin.stored import Surroundings
from routing.conditions import ConditionError
from routing.plugin.matcher import Destination

# Of the studies of a preview, so many are named.
PREVIEWED = 200
OVER = "It is over already."


class Purge:
    """Takes commands and the endpoint's calls, and hands runs to the executor."""

    def __init__(
        self,
        state: State,
        runs: RunStore,
        executor: Executor,
        around: Surroundings,
        warnings: Warnings,
        usage: DiskUsage,
    ) -> None:
        self._state = state
        self._runs = runs
        self._executor = executor
        self._around = around
        self._warnings = warnings
        self._usage = usage
        self._keep_labels: list[str] = []
        # Before there is a configuration nobody knows what must be kept.
        self.configured = False
        self.endpoint_enabled = False
        self.commands: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "purge_preview": self._preview,
            "purge_run": self._run,
            "purge_approve": self._approve,
            "purge_keep": self._keep,
            "purge_cancel": self._cancel,
            "purge_report_again": self._report_again,
        }

    def configure(self, config: dict[str, Any]) -> None:
        """Obey a configuration of docs/protocol.md."""
        around = self._around
        around.node = config["node"]["name"]
        around.awaits_rules = bool(config["rules"])
        known = {f.name for f in fields(Destination)}
        around.destinations = {
            entry["id"]: Destination(**{k: v for k, v in entry.items() if k in known})
            for entry in config["destinations"]
        }
        purge = config.get("purge", {})
        self.endpoint_enabled = bool(purge.get("endpoint", True))
        self._keep_labels = [str(label) for label in purge.get("keep_labels", [])]
        self.configured = True
        self._executor.obey(purge.get("policies"))
        self._warnings.clear("purge_refused")

    def status(self) -> dict[str, Any]:
        """`purge` of docs/protocol.md."""
        return {"purge": {"open_runs": [run.id for run in self._runs.open_runs()]}}

    def start_since(self, since: str) -> tuple[str, threading.Event]:
        """Begin a run for the scripts' endpoint.

        Args:
            since: YYYYMMDD, a real date.

        Returns:
            its identifier, and an event that is set when it is over.
        """
        now = clock.now()
        run = Run(str(uuid.uuid4()), specs.of_endpoint(since, self._keep_labels, now), ENDPOINT)
        over = self._executor.watch(run.id)
        with self._state.transaction() as db:
            self._runs.add(db, run)
        self._executor.wake.set()
        return run.id, over

    def finish_since(self, run: str) -> Run | None:
        """The run of a call that has waited for it."""
        self._executor.unwatch(run)
        return self._runs.get(run)

    def _preview(self, ident: str, data: dict[str, Any]) -> None:
        try:
            made = plan(specs.parse(data["spec"], clock.now()), self._around, self._usage)
        except (SpecError, ConditionError, OrthancDown, OrthancError) as error:
            self._answer(ident, False, str(error))
            return
        result = {
            "planned_count": len(made.delete),
            "planned_bytes": made.bytes,
            "kept_count": made.kept_count,
            "summary": made.summary(),
            "studies": made.delete[:PREVIEWED],
            "kept": made.kept[:PREVIEWED],
        }
        self._answer(ident, True, made.note, result)

    def _run(self, ident: str, data: dict[str, Any]) -> None:
        run = Run(
            id=str(data["run"]),
            spec=data["spec"],
            cause=str(data["cause"]),
            policy=data["policy"],
            hold_seconds=float(data["hold_minutes"]) * 60,
            needs_approval=bool(data["needs_approval"]),
        )
        with self._state.transaction() as db:
            if self._runs.get(run.id) is None:
                self._runs.add(db, run)
            self._state.finish_command(db, ident, True, "The run is being planned.", {})
        self._executor.wake.set()

    def _approve(self, ident: str, data: dict[str, Any]) -> None:
        self._change(ident, str(data["run"]), "It is approved.", approved=True)

    def _cancel(self, ident: str, data: dict[str, Any]) -> None:
        self._keep_out(str(data["run"]))
        by = str(data.get("why") or f"Cancelled by {data.get('by') or 'hand'}.")
        self._change(ident, str(data["run"]), "It is cancelled.", ending="cancelled", detail=by)
        self._executor.interrupt(str(data["run"]))

    def _keep_out(self, run: str) -> None:
        """A run that is cancelled before its own command came must not begin when that comes."""
        with self._state.transaction() as db:
            if self._runs.get(run) is None:
                never = Run(run, {"dry_run": False}, "manual", state="cancelled")
                self._runs.add(db, replace(never, finished_at=clock.now()))

    def _change(self, ident: str, run: str, done: str, **values: Any) -> None:
        with self._state.transaction() as db:
            if is_open(self._runs.get(run)):
                self._runs.change_in(db, run, **values)
                self._state.finish_command(db, ident, True, done, {})
            else:
                self._state.finish_command(db, ident, False, OVER, {})
        self._executor.wake.set()

    def _keep(self, ident: str, data: dict[str, Any]) -> None:
        """Take studies out of a run that is held, or whose hold was over before the console heard of it."""
        run, studies = str(data["run"]), {str(study) for study in data["studies"]}
        with self._state.transaction() as db:
            current = self._runs.get(run)
            if current is None or current.state not in (HELD, RUNNING):
                self._state.finish_command(db, ident, False, "The run is not held any more.", {})
                return
            lines = [line for line in self._runs.lines(run, PLANNED) if line.study in studies]
            kept = Kept("by_hand", f"Taken out of the run by {data.get('by') or 'hand'}.")
            self._runs.remove(db, run, [line.number for line in lines])
            self._runs.report(db, run, [kept_line(line.data, kept) for line in lines])
            self._runs.change_in(
                db,
                run,
                planned_count=current.planned_count - len(lines),
                planned_bytes=current.planned_bytes - sum(x.data["size_bytes"] for x in lines),
                kept_count=current.kept_count + len(lines),
            )
            self._state.finish_command(db, ident, True, f"{len(lines)} studies are kept.", {})

    def _report_again(self, ident: str, data: dict[str, Any]) -> None:
        """The console was restored from a backup, and has forgotten what came after."""
        since = datetime.fromisoformat(str(data["since"])).timestamp()
        with self._state.transaction() as db:
            told = self._runs.report_again(db, since)
            done = f"{told} runs were reported again."
            self._state.finish_command(db, ident, True, done, {"runs": told})

    def _answer(
        self, ident: str, ok: bool, detail: str, data: dict[str, Any] | None = None
    ) -> None:
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, ok, detail, data or {})
