"""The tables of purging in the plugin's state file: runs, and the studies that each is to delete."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State

SCHEMA = """
CREATE TABLE IF NOT EXISTS purge_run (
    id TEXT PRIMARY KEY, created_at REAL NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS purge_line (
    run TEXT NOT NULL, number INTEGER NOT NULL, study TEXT NOT NULL, state TEXT NOT NULL, failures INTEGER NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS purge_line_state ON purge_line (run, state, number);
"""

ENDPOINT = "endpoint"
PLANNING, HELD, RUNNING = "planning", "held", "running"
OPEN = (PLANNING, HELD, RUNNING)
PLANNED, DELETING = "planned", "deleting"
# In what a line keeps, beside what is reported of its study.
SENT = "delete_sent"
# Lines in one event: the console takes many events at once, each of at most 8 MiB together.
LINES_PER_EVENT = 200
# Seconds for which a finished run is remembered; its history is in the console.
REMEMBER = 30 * 24 * 3600.0
TIMES = ("created_at", "planned_at", "hold_until", "started_at", "finished_at")


@dataclass(frozen=True)
class Run:
    """One run. Times are seconds since the epoch by this node's clock.

    Attributes:
        policy: `{"id", "name", "revision"}`, or None for a call of the scripts' endpoint.
        spec: SPEC of docs/protocol.md.
        ending: why it is to end before all is done: `cancelled`, or empty.
    """

    id: str
    spec: dict[str, Any]
    cause: str
    policy: dict[str, Any] | None = None
    state: str = PLANNING
    detail: str = ""
    hold_seconds: float = 0.0
    needs_approval: bool = False
    approved: bool = False
    ending: str = ""
    planned_count: int = 0
    planned_bytes: int = 0
    deleted_count: int = 0
    kept_count: int = 0
    failed_count: int = 0
    bytes_freed: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    created_at: float = field(default_factory=clock.now)
    planned_at: float | None = None
    hold_until: float | None = None
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def dry_run(self) -> bool:
        return bool(self.spec["dry_run"])

    def as_report(self) -> dict[str, Any]:
        """RUN of docs/protocol.md."""
        left_out = {"spec", "hold_seconds", "ending", *TIMES}
        report = {k: v for k, v in asdict(self).items() if k not in left_out}
        times = {name: clock.iso(getattr(self, name)) for name in TIMES}
        return {**report, "dry_run": self.dry_run, **times}


@dataclass(frozen=True)
class Line:
    """One study of a run.

    Attributes:
        failures: how many tries Orthanc did not answer.
        sent: which destinations had it when Orthanc was asked to delete it and did not answer; None if it was not asked.
    """

    number: int
    study: str
    state: str
    failures: int
    data: dict[str, Any]
    sent: list[dict[str, Any]] | None = None


class RunStore:
    """Reads and writes runs; each change reports itself to the console in the same transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, ident: str) -> Run | None:
        rows = self._state.read("SELECT data FROM purge_run WHERE id = ?", (ident,))
        return _run(rows[0]) if rows else None

    def open_runs(self) -> list[Run]:
        """Those that are not over: calls of the endpoint first, since somebody waits for them, then the oldest."""
        rows = self._state.read(
            "SELECT data FROM purge_run WHERE state IN (?, ?, ?) ORDER BY cause != ?, created_at",
            (*OPEN, ENDPOINT),
        )
        return [_run(row) for row in rows]

    def report_again(self, db: sqlite3.Connection, since: float) -> int:
        """Tell the console once more of the runs that are open, or began since then; returns how many."""
        rows = self._state.read(
            "SELECT data FROM purge_run WHERE state IN (?, ?, ?) OR created_at >= ?", (*OPEN, since)
        )
        for run in map(_run, rows):
            self._state.add_event(db, "purge.run", {"run": run.as_report()})
        return len(rows)

    def add(self, db: sqlite3.Connection, run: Run) -> None:
        """Keep a new run; inside a transaction."""
        self._save(db, run)

    def change(self, ident: str, **values: Any) -> Run:
        """Save with new values in a transaction of its own."""
        with self._state.transaction() as db:
            return self.change_in(db, ident, **values)

    def change_in(self, db: sqlite3.Connection, ident: str, **values: Any) -> Run:
        """Save with new values, on top of what the run is by now; inside a transaction.

        Raises:
            LookupError: there is no such run.
        """
        run = self.get(ident)
        if run is None:
            raise LookupError(f"there is no run {ident}")
        changed = replace(run, **values)
        self._save(db, changed)
        return changed

    def add_planned(
        self, db: sqlite3.Connection, ident: str, lines: Iterable[dict[str, Any]]
    ) -> None:
        """Keep what the run is to delete, in its order."""
        db.execute("DELETE FROM purge_line WHERE run = ?", (ident,))
        db.executemany(
            "INSERT INTO purge_line VALUES (?, ?, ?, 'planned', 0, ?)",
            ((ident, n, line["study"], json.dumps(line)) for n, line in enumerate(lines)),
        )

    def report(self, db: sqlite3.Connection, ident: str, lines: Sequence[dict[str, Any]]) -> None:
        """Tell the console what became of studies, in few events."""
        for start in range(0, len(lines), LINES_PER_EVENT):
            part = list(lines[start : start + LINES_PER_EVENT])
            self._state.add_event(db, "purge.study", {"run": ident, "studies": part})

    def lines(self, ident: str, state: str, limit: int = -1) -> list[Line]:
        rows = self._state.read(
            "SELECT number, study, state, failures, data FROM purge_line WHERE run = ? AND state = ? ORDER BY number LIMIT ?",
            (ident, state, limit),
        )
        return [_line(row) for row in rows]

    def take(self, ident: str, limit: int) -> list[Line]:
        """The next ones, written down as about to be deleted: whichever is gone after a crash was deleted by this run.

        In one transaction, so that none is taken that somebody takes out of the run at the same time.
        """
        with self._state.transaction() as db:
            lines = self.lines(ident, PLANNED, limit)
            db.executemany(
                "UPDATE purge_line SET state = 'deleting' WHERE run = ? AND number = ?",
                [(ident, line.number) for line in lines],
            )
        return lines

    def count_failure(self, ident: str, line: Line) -> None:
        with self._state.transaction() as db:
            db.execute(
                "UPDATE purge_line SET failures = failures + 1 WHERE run = ? AND number = ?",
                (ident, line.number),
            )

    def note_sent(self, ident: str, line: Line, proofs: list[dict[str, Any]]) -> None:
        """Orthanc was asked to delete it and may do so without an answer: gone, it was deleted by this run."""
        data = json.dumps({**line.data, SENT: proofs})
        with self._state.transaction() as db:
            db.execute(
                "UPDATE purge_line SET data = ? WHERE run = ? AND number = ?",
                (data, ident, line.number),
            )

    def remove(self, db: sqlite3.Connection, ident: str, numbers: Iterable[int]) -> None:
        """Take out what is over; inside the transaction that reports it."""
        db.executemany(
            "DELETE FROM purge_line WHERE run = ? AND number = ?",
            [(ident, number) for number in numbers],
        )

    def put_back(self, db: sqlite3.Connection, ident: str) -> None:
        """What was about to be deleted and was not tried is only planned again."""
        db.execute(
            "UPDATE purge_line SET state = 'planned' WHERE run = ? AND state = 'deleting'", (ident,)
        )

    def forget_old(self, now: float) -> None:
        with self._state.transaction() as db:
            db.execute(
                "DELETE FROM purge_run WHERE state NOT IN (?, ?, ?) AND created_at < ?",
                (*OPEN, now - REMEMBER),
            )

    def _save(self, db: sqlite3.Connection, run: Run) -> None:
        row = (run.id, run.created_at, run.cause, run.state, json.dumps(asdict(run)))
        db.execute("INSERT OR REPLACE INTO purge_run VALUES (?, ?, ?, ?, ?)", row)
        self._state.add_event(db, "purge.run", {"run": run.as_report()})


def _line(row: sqlite3.Row) -> Line:
    data = json.loads(row["data"])
    sent = data.pop(SENT, None)
    return Line(row["number"], row["study"], row["state"], row["failures"], data, sent)


def _run(row: sqlite3.Row) -> Run:
    known = {f.name for f in fields(Run)}
    return Run(**{k: v for k, v in json.loads(row["data"]).items() if k in known})
