from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orthanc_console.plugin import state
from orthanc_console.plugin.state import FILE_NAME, State, StateError


def test_a_file_that_another_program_holds_is_tried_again_and_not_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "BUSY_SECONDS", 0.1)
    with State(tmp_path, []).transaction() as db:
        State.put(db, "position", 7)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateError, match="locked"):
        State(tmp_path, [])
    other.execute("ROLLBACK")
    other.close()
    again = State(tmp_path, [])
    assert again.replaced is None
    assert again.get("position") == 7
