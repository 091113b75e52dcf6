"""When a webhook is tried again."""

from __future__ import annotations

import pytest

from intercept.plugin import retry
from intercept.plugin.caller import Reply

NOW = 1_800_000_000.0


def _after(status: int | None, mode: str = "notify", tries: int = 1, **headers: str) -> retry.Next:
    error = "" if status else "The receiver refuses the connection."
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return retry.after(Reply(status, given, error=error), mode, tries, NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_delivery(status: int) -> None:
    assert _after(status) == retry.Next("delivered")


@pytest.mark.parametrize("status", [None, 100, 301, 302, 400, 404, 408, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert _after(status).state == "waiting"


def test_410_ends_it() -> None:
    assert _after(410) == retry.Next("failed", "target_gone")


@pytest.mark.parametrize(
    ("status", "state"),
    [(400, "refused"), (403, "refused"), (408, "waiting"), (429, "waiting"), (500, "waiting")],
)
def test_the_no_of_a_gate_is_an_answer(status: int, state: str) -> None:
    assert _after(status, "gate").state == state
    assert _after(status, "replace").state == "waiting"


def test_the_pauses_grow_from_seconds_to_hours_with_jitter() -> None:
    expected = (5, 30, 300, 1800, 7200, 18000, 36000)
    for tries, base in enumerate(expected, start=1):
        pauses = {retry.pause_after(tries) for _number in range(50)}
        assert all(0.8 * base <= pause <= 1.2 * base for pause in pauses)
        assert len(pauses) > 1


def test_it_is_given_up_after_the_last_pause() -> None:
    assert _after(500, tries=7).state == "waiting"
    assert _after(500, tries=8) == retry.Next("failed", "gave_up")


@pytest.mark.parametrize(
    ("status", "given", "least"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (429, "Fri, 15 Jan 2027 08:05:00 GMT", 300),
        (429, "99999999999999", retry.LONGEST_PAUSE),
    ],
)
def test_a_receiver_can_ask_to_be_left_alone(status: int, given: str, least: float) -> None:
    pause = _after(status, Retry_After=given).pause
    assert pause is not None
    assert pause == pytest.approx(least)


@pytest.mark.parametrize("given", ["soon", "-5", "", "Fri, 99 Jan 2027 08:05:00 GMT", "٣"])
def test_what_it_asks_for_in_no_known_form_is_ignored(given: str) -> None:
    pause = _after(429, Retry_After=given).pause
    assert pause is not None
    assert pause <= 6


def test_other_answers_cannot_ask() -> None:
    pause = _after(500, Retry_After="600").pause
    assert pause is not None
    assert pause <= 6
