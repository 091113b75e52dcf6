"""Which studies the plugin looks at again after a start, as no StableStudy comes for them any more."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orthanc_console.plugin.orthanc_client import Address, OrthancClient
from orthanc_console.plugin.state import State
from routing.plugin.changes import ChangeReader
from routing.plugin.store import SCHEMA

STABLE_AGE = 1.0
START = datetime(2026, 11, 24, 22, tzinfo=UTC)


class ChangeLog:
    """The change log of an Orthanc: `add(seconds, kind, study)`."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []

    def add(self, seconds: float, kind: str, study: str) -> None:
        date = (START + timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%S")
        seq = len(self.changes) + 1
        self.changes.append({"Seq": seq, "ChangeType": kind, "ID": study, "Date": date})

    def answer(self, path: str) -> Any:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
        if parts.path == "/changes":
            rest = self.changes if "last" in query else self.changes[int(query["since"]) :]
            page = rest[: int(query.get("limit", 100))]
            last = self.changes[-1]["Seq"] if self.changes else 0
            return {"Changes": page, "Last": last, "Done": len(page) == len(rest)}
        if parts.path.startswith("/studies/"):
            return {"IsStable": False}
        return {"Version": "1.12.7"}

    @contextmanager
    def served(self) -> Iterator[OrthancClient]:
        log = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(log.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield OrthancClient(Address(f"http://127.0.0.1:{server.server_port}"), "Bearer token")
        finally:
            server.shutdown()
            server.server_close()


def test_one_that_was_growing_at_the_end_is_found_however_long_orthanc_was_away(
    tmp_path: Path,
) -> None:
    log = ChangeLog()
    log.add(0, "NewStudy", "done")
    log.add(1.5, "StableStudy", "done")
    log.add(20, "NewStudy", "growing")
    _remember(tmp_path, 3)
    # The next one comes before the plugin has looked.
    log.add(3600, "NewStudy", "later")
    assert _unsettled(tmp_path, log) == {"growing", "later"}


def test_those_that_were_stable_long_before_the_end_are_left_alone(tmp_path: Path) -> None:
    log = ChangeLog()
    for number in range(10):
        log.add(number, "NewStudy", f"old-{number}")
        # Its images came later, so that the log alone does not tell that it is done.
        log.add(number + 1.5, "StableStudy", f"old-{number}")
        log.add(number, "NewStudy", f"again-{number}")
    log.add(100, "NewStudy", "growing")
    _remember(tmp_path, 31)
    assert _unsettled(tmp_path, log) == {"growing"}


def test_all_that_came_after_the_position_is_looked_at(tmp_path: Path) -> None:
    log = ChangeLog()
    log.add(0, "NewStudy", "seen")
    log.add(1.5, "StableStudy", "seen")
    log.add(50, "NewStudy", "unseen")
    log.add(500, "NewStudy", "growing")
    _remember(tmp_path, 2)
    assert _unsettled(tmp_path, log) == {"unseen", "growing"}


def test_a_plugin_that_is_new_begins_at_the_end_and_notes_no_position_before(
    tmp_path: Path,
) -> None:
    log, handled = ChangeLog(), []
    for number in range(3):
        log.add(number, "NewStudy", f"old-{number}")
        log.add(number + 1.5, "StableStudy", f"old-{number}")

    def handle(study: str, seq: int, keep: Callable[[sqlite3.Connection], None]) -> None:
        handled.append(study)

    with log.served() as orthanc:
        reader = _reader(tmp_path, orthanc, handle)
        reader.checkpoint(None)
        assert not (tmp_path / "checkpoint.json").exists()
        reader.step()
        reader.checkpoint(None)
    assert handled == []
    assert json.loads((tmp_path / "checkpoint.json").read_text()) == {"position": 6}


def _remember(folder: Path, position: int) -> None:
    """A state file of an earlier run, which had read the log up to there."""
    with State(folder, [SCHEMA]).transaction() as db:
        State.put(db, "position", position)


def _reader(
    folder: Path,
    orthanc: OrthancClient,
    handle: Callable[[str, int, Callable[[sqlite3.Connection], None]], None],
) -> ChangeReader:
    state = State(folder, [SCHEMA])
    return ChangeReader(state, orthanc, folder, STABLE_AGE, handle, lambda: True)


def _unsettled(folder: Path, log: ChangeLog) -> set[str]:
    """The studies that a start looks at again."""
    with log.served() as orthanc:
        reader = _reader(folder, orthanc, lambda study, seq, keep: None)
        reader.step()
    rows = State(folder, [SCHEMA]).read("SELECT study FROM unsettled")
    return {row["study"] for row in rows}
