"""The tables of intercept in the plugin's state file: C-MOVEs under way, and webhooks with what became of them."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State

SCHEMA = """
CREATE TABLE IF NOT EXISTS move (id TEXT PRIMARY KEY, report TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook (
    id TEXT PRIMARY KEY, target INTEGER NOT NULL, target_name TEXT NOT NULL, mode TEXT NOT NULL,
    move_request TEXT, cause TEXT NOT NULL, message TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, tries INTEGER NOT NULL,
    next_attempt_at REAL, last_error TEXT NOT NULL, last_status INTEGER,
    created_at REAL NOT NULL, delivered_at REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_queue ON webhook (target, next_attempt_at) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS webhook_off (target INTEGER PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
"""

# Seconds for which a webhook that is over can be sent again by hand.
REMEMBER = 30 * 24 * 3600.0
REMEMBER_FAILED = 90 * 24 * 3600.0
# An appointment further away than any pause was made by a clock that has jumped since.
HORIZON = 25 * 3600.0


@dataclass(frozen=True)
class Webhook:
    """One message to one target.

    Attributes:
        cause: `move`, `redelivered` or `test`.
        message: see intercept.plugin.message.
        tries: attempts since it was last asked for; `attempts` counts them all.
    """

    target: int
    target_name: str
    mode: str
    message: dict[str, Any]
    move_request: str | None = None
    cause: str = "move"
    state: str = "waiting"
    reason: str = ""
    attempts: int = 0
    tries: int = 0
    next_attempt_at: float | None = None
    last_error: str = ""
    last_status: int | None = None
    created_at: float = field(default_factory=clock.now)
    delivered_at: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_report(self) -> dict[str, Any]:
        """DELIVERY of docs/protocol.md, events of intercept."""
        report = asdict(self)
        del report["message"], report["tries"]
        times = ("next_attempt_at", "created_at", "delivered_at")
        return {**report, **{name: clock.iso(report[name]) for name in times}}


class WebhookStore:
    """Reads and writes; each change reports itself to the console in the same transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin_move(self, report: dict[str, Any], webhooks: Iterable[Webhook]) -> None:
        """Write down that a C-MOVE was received, and whom to tell of it."""
        with self._state.transaction() as db:
            self._report_move(db, report)
            db.execute("INSERT INTO move VALUES (?, ?)", (report["id"], json.dumps(report)))
            for webhook in webhooks:
                self._save(db, webhook, None)

    def end_move(self, report: dict[str, Any]) -> None:
        """Write down what became of a C-MOVE."""
        with self._state.transaction() as db:
            self._report_move(db, report)
            db.execute("DELETE FROM move WHERE id = ?", (report["id"],))

    def end_interrupted(self, detail: str) -> None:
        """Close the C-MOVEs that were under way when the last process of Orthanc ended."""
        with self._state.transaction() as db:
            for row in db.execute("SELECT report FROM move").fetchall():
                report = json.loads(row["report"])
                self._report_move(db, {**report, "outcome": "interrupted", "detail": detail})
            db.execute("DELETE FROM move")

    def add(self, webhook: Webhook) -> None:
        with self._state.transaction() as db:
            self._save(db, webhook, None)

    def change(
        self, webhook: Webhook, attempt: dict[str, Any] | None = None, **values: Any
    ) -> Webhook:
        """Save with new values; returns the changed webhook.

        Args:
            attempt: the attempt that this is about, for the report.
        """
        changed = replace(webhook, **values)
        with self._state.transaction() as db:
            self._save(db, changed, attempt)
        return changed

    def again(self, command: str, idents: Iterable[str]) -> None:
        """Make webhooks due at once, whatever became of them, and finish the command that asks for it."""
        found = {ident: self.get(ident) for ident in idents}
        done = {ident: webhook for ident, webhook in found.items() if webhook is not None}
        unknown = [ident for ident in found if ident not in done]
        with self._state.transaction() as db:
            for webhook in done.values():
                due = replace(webhook, state="waiting", reason="", next_attempt_at=None, tries=0)
                self._save(db, replace(due, cause="redelivered"), None)
            skipped = [{"id": i, "reason": "The node has forgotten it."} for i in unknown]
            detail = f"{len(done)} are sent again, {len(unknown)} left as they are."
            data = {"done": list(done), "skipped": skipped}
            self._state.finish_command(db, command, True, detail, data)

    def finish(self, command: str, ok: bool, detail: str, data: dict[str, Any]) -> None:
        with self._state.transaction() as db:
            self._state.finish_command(db, command, ok, detail, data)

    def switch_off(self, target: int, revision: int, name: str) -> None:
        """Note that a target said it is gone; it stays off until somebody saves it again in the console."""
        with self._state.transaction() as db:
            db.execute("INSERT OR REPLACE INTO webhook_off VALUES (?, ?)", (target, revision))
            data = {"target": target, "revision": revision, "name": name}
            self._state.add_event(db, "webhook.target_gone", data)

    def switched_off(self) -> dict[int, int]:
        """Targets that said they are gone, with the revision that they had."""
        rows = self._state.read("SELECT target, revision FROM webhook_off")
        return {row["target"]: row["revision"] for row in rows}

    def get(self, ident: str) -> Webhook | None:
        rows = self._state.read("SELECT * FROM webhook WHERE id = ?", (ident,))
        return _from_row(rows[0]) if rows else None

    def due(self, target: int, now: float, limit: int) -> list[Webhook]:
        """The webhooks of a target whose turn it is, those that wait longest first."""
        rows = self._state.read(
            "SELECT * FROM webhook WHERE target = ? AND state = 'waiting' AND "
            "(next_attempt_at IS NULL OR next_attempt_at <= ? OR next_attempt_at > ?) ORDER BY created_at LIMIT ?",
            (target, now, now + HORIZON, limit),
        )
        return [_from_row(row) for row in rows]

    def waiting(self) -> dict[int, tuple[int, float | None]]:
        """By target: how many wait, and the next appointment."""
        rows = self._state.read(
            "SELECT target, count(*) AS n, min(coalesce(next_attempt_at, 0)) AS next FROM webhook "
            "WHERE state = 'waiting' GROUP BY target"
        )
        return {row["target"]: (row["n"], row["next"]) for row in rows}

    def of_target(self, target: int) -> list[Webhook]:
        """Those that wait."""
        sql = "SELECT * FROM webhook WHERE state = 'waiting' AND target = ?"
        return [_from_row(row) for row in self._state.read(sql, (target,))]

    def forget_old(self, now: float) -> None:
        """Take out what ended long ago; its history is in the console."""
        with self._state.transaction() as db:
            db.execute(
                "DELETE FROM webhook WHERE state IN ('delivered', 'refused', 'skipped') AND created_at < ?",
                (now - REMEMBER,),
            )
            db.execute(
                "DELETE FROM webhook WHERE state = 'failed' AND created_at < ?",
                (now - REMEMBER_FAILED,),
            )

    def _report_move(self, db: sqlite3.Connection, report: dict[str, Any]) -> None:
        self._state.add_event(db, "move.request", {"request": report})

    def _save(
        self, db: sqlite3.Connection, webhook: Webhook, attempt: dict[str, Any] | None
    ) -> None:
        row = {**asdict(webhook), "message": json.dumps(webhook.message)}
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT OR REPLACE INTO webhook ({names}) VALUES ({marks})", row)  # noqa: S608
        data = {"delivery": webhook.as_report(), "attempt": attempt}
        self._state.add_event(db, "webhook.attempt", data)


def _from_row(row: sqlite3.Row) -> Webhook:
    return Webhook(**{**dict(row), "message": json.loads(row["message"])})
