from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from orthanc_console.plugin import worker
from orthanc_console.plugin.orthanc_client import OrthancDown
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.plugin.worker import Worker
from testbed.waiting import wait_for


class Step:
    """Does what `act` says, again and again, and never waits long."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act
        self.done = threading.Event()

    def __call__(self) -> float:
        self.act()
        self.done.set()
        return 0.01


def _fail() -> None:
    raise ZeroDivisionError("no number")


def _down() -> None:
    raise OrthancDown("connection refused")


def _codes(warnings: Warnings) -> list[str]:
    return [warning["code"] for warning in warnings.as_list()]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.05)


def test_a_step_that_fails_is_warned_of_and_tried_again_until_it_works() -> None:
    warnings, step = Warnings(), Step(_fail)
    Worker("send", step, warnings).start()
    wait_for(lambda: _codes(warnings) == ["worker_send"], "the failure is shown", 5, 0.01)
    assert "ZeroDivisionError" in warnings.as_list()[0]["message"]
    step.act = lambda: None
    assert step.done.wait(5)
    wait_for(lambda: warnings.as_list() == [], "the warning is over", 5, 0.01)


def test_an_orthanc_that_only_starts_is_no_reason_for_a_warning() -> None:
    warnings, step = Warnings(), Step(_down)
    Worker("send", step, warnings).start()
    assert not step.done.wait(0.2)
    assert warnings.as_list() == []


def test_an_orthanc_that_does_not_answer_for_long_is_warned_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "LONG_DOWN", 0.1)
    warnings, step = Warnings(), Step(_down)
    Worker("send", step, warnings).start()
    wait_for(lambda: _codes(warnings) == ["worker_send"], "it is shown", 5, 0.01)
    message = warnings.as_list()[0]["message"]
    assert "connection refused" in message
    assert "HttpPort" in message
    step.act = lambda: None
    wait_for(lambda: warnings.as_list() == [], "the warning is over", 5, 0.01)
