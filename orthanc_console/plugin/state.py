"""The plugin's own durable state: one SQLite file, which decides everything after a restart.

No event that lives in memory decides anything: whatever the threads do, they first write here that they will.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger

FILE_NAME = "orthanc-console.db"
# Raised with every change of a table that an older plugin's file does not have.
LAYOUT = 1
# When the console answered last, in seconds since the epoch.
HEARD = "heard_at"
# The number of the newest event.
SEQ = "seq"
KEEP_HEARD_EVERY = 60.0
BUSY_SECONDS = 10.0
# Errors that say nothing against the file itself: it is kept where it is, and tried again.
NOT_THE_FILE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")

SCHEMA = """
CREATE TABLE IF NOT EXISTS value (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS command (id TEXT PRIMARY KEY, result TEXT, at REAL NOT NULL) WITHOUT ROWID;
"""


class StateError(Exception):
    """The state file cannot be used; the message says why and what to do."""


class State:
    """The state file. One connection, which all threads share under a lock.

    Args:
        directory: the folder, made when it is missing.
        schemas: the tables of the capabilities, as `CREATE TABLE IF NOT EXISTS` statements.

    Raises:
        StateError: neither the file nor a new one in its place can be written.
    """

    def __init__(self, directory: Path, schemas: list[str]) -> None:
        self._path = directory / FILE_NAME
        self._schema = SCHEMA + "".join(schemas)
        self._lock = threading.RLock()
        self._after_commit: set[threading.Event] = set()
        self.replaced: Path | None = None
        self.fresh = False
        self.heard_at: float | None = None
        self.wake_reporter = threading.Event()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._db = self._open_or_replace()
            self._seq = self._kept_seq = int(self.get(SEQ, 0))
            self.instance = self._instance(directory / "instance")
            self.heard_at = self._kept_heard_at = self.get(HEARD)
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"The state folder {directory} cannot be written: {error}. Nothing is forwarded until it can; what arrives "
                "meanwhile stays in Orthanc and is forwarded then. Give Orthanc's user the right to write there, or set "
                "another StateDirectory."
            ) from error

    def _open_or_replace(self) -> sqlite3.Connection:
        existed = self._path.exists()
        try:
            db = self._open()
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if not existed or name.startswith(NOT_THE_FILE):
                raise
            self.replaced = self._put_aside()
            logger.error("state file was unusable (%s), kept as %s", error, self.replaced)
            db = self._open()
            existed = False
        self.fresh = not existed
        return db

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            # After a power cut the last moments may be missing; they are read again from Orthanc's change log.
            db.execute("PRAGMA synchronous=NORMAL")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("the integrity check failed")
            self._require_layout(db)
            db.executescript(self._schema)
            db.execute("INSERT OR REPLACE INTO value VALUES ('opened', ?)", (str(clock.now()),))
        except sqlite3.Error:
            db.close()
            raise
        return db

    @staticmethod
    def _require_layout(db: sqlite3.Connection) -> None:
        """Mark a new file with the layout of this version; refuse one of another."""
        layout = db.execute("PRAGMA user_version").fetchone()[0]
        empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if not empty and layout != LAYOUT:
            raise sqlite3.DatabaseError(f"it is of layout {layout}, and this plugin knows {LAYOUT}")
        db.execute(f"PRAGMA user_version = {LAYOUT}")

    def _put_aside(self) -> Path:
        aside = self._path.with_name(f"{FILE_NAME}.unusable-{int(time.time())}")
        for suffix in ("-wal", "-shm"):
            part = self._path.with_name(FILE_NAME + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self._path.rename(aside)
        return aside

    @staticmethod
    def _instance(path: Path) -> str:
        """The identity of this folder. In a file of its own, so that a replaced state file does not look like another Orthanc."""
        try:
            return str(uuid.UUID(path.read_text(encoding="ascii").strip()))
        except (OSError, ValueError):
            made = str(uuid.uuid4())
            path.write_text(made, encoding="ascii")
            return made

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens or nothing does. Holds the lock: keep slow things such as HTTP calls outside.

        Inside another transaction of the same thread it becomes a part of that one.

        Raises:
            sqlite3.Error: nothing was written, for example because the disk is full.
        """
        with self._lock:
            part_of_another = self._db.in_transaction
            if part_of_another:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                if self._seq != self._kept_seq:
                    self.put(self._db, SEQ, self._seq)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._after_commit.clear()
                self._seq = self._kept_seq
                raise
            self._kept_seq = self._seq
            for waiting in self._after_commit:
                waiting.set()
            self._after_commit.clear()

    def read(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    def hear(self, now: float) -> None:
        """The console answered. Kept in the file, too, though not every time."""
        self.heard_at = now
        if self._kept_heard_at is None or abs(now - self._kept_heard_at) > KEEP_HEARD_EVERY:
            with self.transaction() as db:
                self.put(db, HEARD, now)
            self._kept_heard_at = now

    def get(self, key: str, default: Any = None) -> Any:
        rows = self.read("SELECT json FROM value WHERE key = ?", (key,))
        return json.loads(rows[0]["json"]) if rows else default

    @staticmethod
    def put(db: sqlite3.Connection, key: str, value: Any) -> None:
        """Keep a value; inside a transaction."""
        db.execute("INSERT OR REPLACE INTO value VALUES (?, ?)", (key, json.dumps(value)))

    def add_event(self, db: sqlite3.Connection, kind: str, data: dict[str, Any]) -> None:
        """Queue a report for the console; inside the transaction of what it reports."""
        # A new file starts above everything that an earlier one can have given out.
        self._seq = self._seq + 1 if self._seq else int(clock.now() * 1000)
        db.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
            (self._seq, str(uuid.uuid4()), kind, clock.now(), json.dumps(data)),
        )
        self._after_commit.add(self.wake_reporter)

    def waiting_events(self, limit: int, max_bytes: int) -> list[dict[str, Any]]:
        """The oldest events that the console has not acknowledged, up to a number and a size, at least one."""
        events: list[dict[str, Any]] = []
        size = 0
        for row in self.read("SELECT * FROM event ORDER BY seq LIMIT ?", (limit,)):
            size += len(row["data"])
            if events and size > max_bytes:
                break
            events.append(
                {
                    "id": row["id"],
                    "seq": row["seq"],
                    "kind": row["kind"],
                    "at": clock.iso(row["at"]),
                    "data": json.loads(row["data"]),
                }
            )
        return events

    def newest_event(self) -> int:
        """The number of the newest event, whether it was acknowledged or not; 0 before the first."""
        return self._kept_seq

    def outbox_size(self) -> int:
        return int(self.read("SELECT count(*) AS n FROM event")[0]["n"])

    def has_done(self, command: str) -> bool:
        """Whether the command was carried out before; its result may still wait to be handed over."""
        return bool(self.read("SELECT 1 FROM command WHERE id = ?", (command,)))

    def finish_command(
        self, db: sqlite3.Connection, command: str, ok: bool, detail: str, data: dict[str, Any]
    ) -> None:
        """Keep a command's result; inside the transaction that carries it out, so that it is never carried out twice."""
        result = {"command": command, "ok": ok, "detail": detail, "data": data}
        db.execute(
            "INSERT OR IGNORE INTO command VALUES (?, ?, ?)",
            (command, json.dumps(result), clock.now()),
        )
        self._after_commit.add(self.wake_reporter)

    def waiting_results(self) -> list[dict[str, Any]]:
        rows = self.read("SELECT result FROM command WHERE result IS NOT NULL LIMIT 100")
        return [json.loads(row["result"]) for row in rows]

    def acknowledge(self, up_to_seq: int, results: list[str], forget_before: float) -> None:
        """Forget what the console has stored; the ids of commands stay for a while, as a guard against doing them twice."""
        with self.transaction() as db:
            db.execute("DELETE FROM event WHERE seq <= ?", (up_to_seq,))
            db.executemany(
                "UPDATE command SET result = NULL WHERE id = ?", [(result,) for result in results]
            )
            db.execute("DELETE FROM command WHERE result IS NULL AND at < ?", (forget_before,))
