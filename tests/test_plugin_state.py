from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orthanc_console.plugin.state import FILE_NAME, State, StateError


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with State(tmp_path, []).transaction() as db:
        State.put(db, "position", 7)
    again = State(tmp_path, [])
    assert again.get("position") == 7
    assert not again.fresh


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    state = State(tmp_path, [])
    with pytest.raises(ZeroDivisionError), state.transaction() as db:
        State.put(db, "position", 7)
        state.add_event(db, "kind", {})
        raise ZeroDivisionError
    assert state.get("position") is None
    assert state.waiting_events(10, 10**6) == []
    assert not state.wake_reporter.is_set()


def test_events_are_numbered_in_order_and_stay_until_they_are_acknowledged(tmp_path: Path) -> None:
    state = State(tmp_path, [])
    for number in range(5):
        with state.transaction() as db:
            state.add_event(db, "kind", {"number": number})
    assert state.wake_reporter.is_set()
    events = State(tmp_path, []).waiting_events(3, 10**6)
    assert [event["data"]["number"] for event in events] == [0, 1, 2]
    state.acknowledge(events[-1]["seq"], [], forget_before=0)
    rest = state.waiting_events(10, 10**6)
    assert [event["data"]["number"] for event in rest] == [3, 4]
    assert len({event["id"] for event in events + rest}) == 5


def test_a_batch_is_limited_in_size_but_never_empty(tmp_path: Path) -> None:
    state = State(tmp_path, [])
    for _ in range(3):
        with state.transaction() as db:
            state.add_event(db, "kind", {"text": "x" * 1000})
    assert len(state.waiting_events(10, max_bytes=10)) == 1
    assert len(state.waiting_events(10, max_bytes=2500)) == 2


def test_a_new_file_counts_on_above_the_one_that_it_replaces(tmp_path: Path) -> None:
    old, new = State(tmp_path / "a", []), State(tmp_path / "b", [])
    for state in (old, new):
        with state.transaction() as db:
            state.add_event(db, "kind", {})
    assert new.waiting_events(1, 10)[0]["seq"] >= old.waiting_events(1, 10)[0]["seq"]


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_corrupt_file_is_kept_aside_and_a_new_one_begun(tmp_path: Path, content: bytes) -> None:
    instance = State(tmp_path, []).instance
    for path in tmp_path.glob(FILE_NAME + "*"):
        path.unlink()
    (tmp_path / FILE_NAME).write_bytes(content)
    state = State(tmp_path, [])
    assert state.replaced is not None
    assert state.replaced.read_bytes() == content
    assert state.fresh
    assert state.instance == instance
    with state.transaction() as db:
        State.put(db, "position", 1)


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError, match="StateDirectory"):
        State(tmp_path / "file" / "state", [])


def test_a_command_is_done_once_and_its_result_stays_until_it_is_acknowledged(
    tmp_path: Path,
) -> None:
    state = State(tmp_path, [])
    assert not state.has_done("c1")
    with state.transaction() as db:
        state.finish_command(db, "c1", ok=True, detail="done", data={"n": 1})
    again = State(tmp_path, [])
    assert again.has_done("c1")
    assert again.waiting_results() == [
        {"command": "c1", "ok": True, "detail": "done", "data": {"n": 1}}
    ]
    again.acknowledge(-1, ["c1"], forget_before=0)
    assert again.waiting_results() == []
    assert again.has_done("c1")


def test_a_full_disk_is_an_error_and_not_a_loss(tmp_path: Path) -> None:
    state = State(tmp_path, [])
    with state.transaction() as db:
        State.put(db, "position", 1)
    pages = state.read("PRAGMA page_count")[0][0]
    state.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"), state.transaction() as db:
        State.put(db, "position", 2)
        State.put(db, "large", "x" * 200_000)
    assert state.get("position") == 1
    state.read("PRAGMA max_page_count = 1000000")
    with state.transaction() as db:
        State.put(db, "position", 2)
    assert state.get("position") == 2


def test_a_file_of_another_layout_is_kept_aside(tmp_path: Path) -> None:
    State(tmp_path, [])
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("PRAGMA user_version = 99")
    state = State(tmp_path, [])
    assert state.replaced is not None
    assert state.fresh
