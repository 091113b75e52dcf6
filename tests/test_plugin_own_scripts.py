"""`AlsoLoad`: the administrator's own scripts, without Orthanc."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from intercept.plugin import callbacks
from orthanc_console.plugin import own_scripts
from orthanc_console.plugin.warnings import Warnings


@pytest.fixture(autouse=True)
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Search path and modules as they were, after each test."""
    monkeypatch.setattr(sys, "path", ["the-plugin", *sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def _warning(*paths: Path) -> str:
    warnings = Warnings()
    own_scripts.load([str(path) for path in paths], warnings)
    return " ".join(each["message"] for each in warnings.as_list())


def _script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_script_is_what_it_would_be_as_the_script_of_orthanc(tmp_path: Path) -> None:
    _script(tmp_path, "a_neighbour.py", "NAME = 'neighbour'")
    text = "import a_neighbour\nseen = (__name__, __file__, a_neighbour.NAME)"
    path = _script(tmp_path, "my-own.py", text)
    assert _warning(path) == ""
    assert sys.modules["my-own"].seen == ("my-own", str(path), "neighbour")
    assert sys.path[:2] == ["the-plugin", str(tmp_path)]


def test_several_run_in_their_order_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    first = _script(tmp_path, "own_first.py", "raise ValueError('no such archive')")
    second = _script(tmp_path, "own_second.py", "import sys\nsys.exit(3)")
    third = _script(tmp_path, "own_third.py", "done = True")
    message = _warning(first, second, third)
    assert f"{first} ended with ValueError: no such archive" in message
    assert f"{second} ended with SystemExit: 3" in message
    assert "own_third" not in message
    assert sys.modules["own_third"].done


@pytest.mark.parametrize("name", ["missing.py", "notes.txt", "a-folder"])
def test_what_is_no_script_is_named(tmp_path: Path, name: str) -> None:
    _script(tmp_path, "notes.txt", "")
    (tmp_path / "a-folder").mkdir()
    assert f"no Python script {tmp_path / name}" in _warning(tmp_path / name)


def test_a_script_in_which_python_finds_a_mistake_is_named(tmp_path: Path) -> None:
    assert "SyntaxError" in _warning(_script(tmp_path, "own_mistake.py", "def f(:\n"))


def test_a_name_that_is_taken_is_named(tmp_path: Path) -> None:
    path = _script(tmp_path, "routing.py", "raise AssertionError")
    message = _warning(path)
    assert f"{path} was not loaded" in message
    assert "Rename" in message


def test_a_second_answer_to_c_move_is_left_out_with_a_warning() -> None:
    registered: list[Any] = []
    orthanc = SimpleNamespace(
        RegisterMoveCallback=registered.append, RegisterMoveCallback2=registered.append
    )
    warnings = Warnings()
    callbacks.keep(orthanc, warnings)
    assert warnings.as_list() == []
    orthanc.RegisterMoveCallback(print)
    orthanc.RegisterMoveCallback2(print, print, print, print)
    assert registered == []
    (warning,) = warnings.as_list()
    assert warning["code"] == "own_move"
    assert not hasattr(orthanc, "RegisterMoveCallback3")
