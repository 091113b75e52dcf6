"""The plugin's side of webhooks without a real Orthanc: its file, its lanes, its configuration."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from intercept.plugin.capability import ALWAYS, Intercept
from intercept.plugin.dispatcher import AT_ONCE, Dispatcher
from intercept.plugin.interceptor import Interceptor, Refused
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found
from intercept.plugin.store import SCHEMA, Webhook, WebhookStore
from orthanc_console.plugin import clock
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from tests.orthanc.moves import Receiver, running_receiver


class FakeResolver:
    """Finds nothing."""

    def find(self, request: MoveRequest) -> Found:
        return Found()

    def modality(self, aet: str) -> None:
        return None


class Plugin:
    """Intercept as it is put together inside Orthanc."""

    def __init__(self, folder: Path, variant: int = 3, threads: int = 4) -> None:
        self.state = State(folder, [SCHEMA])
        self.store = WebhookStore(self.state)
        self.warnings = Warnings()
        self.dispatcher = Dispatcher(self.store, folder, lambda t: self.part.switch_off(t))
        self.interceptor = Interceptor(
            self.store,
            self.dispatcher,
            None,  # type: ignore[arg-type]
            FakeResolver(),  # type: ignore[arg-type]
            self.warnings,
            synchronous=True,
            threads=threads,
        )
        self.part = Intercept(self.store, self.dispatcher, self.interceptor, self.warnings, variant)

    def obey(self, *targets: dict[str, Any]) -> None:
        self.part.configure({"node": {"name": "north"}, "webhook_targets": list(targets)})

    def codes(self) -> set[str]:
        return {each["code"] for each in self.warnings.as_list()}

    def events(self, kind: str) -> list[dict[str, Any]]:
        events = self.state.waiting_events(1000, 10_000_000)
        return [each["data"] for each in events if each["kind"] == kind]

    def move(self) -> str:
        """A C-MOVE for something that is not here; returns why it is refused, empty if it is replaced."""
        given = {"Level": "STUDY", "StudyInstanceUID": "1.2.3", "TargetAET": "T"}
        try:
            self.interceptor.begin(MoveRequest.from_orthanc(given))
        except Refused as refusal:
            return str(refusal)
        return ""


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def entry(url: str = "http://127.0.0.1:9/", **values: Any) -> dict[str, Any]:
    base = {
        "id": 1,
        "name": "hook",
        "revision": 1,
        "enforcement": "active",
        "mode": "notify",
        "condition": ALWAYS,
        "url": url,
    }
    return {**base, **values}


def _until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _message() -> dict[str, Any]:
    return {"body": {"type": "x"}, "values": {}}


def _waiting(target: int = 1, **values: Any) -> Webhook:
    return Webhook(target=target, target_name="hook", mode="notify", message=_message(), **values)


def test_what_waits_for_a_target_that_was_deleted_is_given_up(plugin: Plugin) -> None:
    webhook = _waiting()
    plugin.store.add(webhook)
    plugin.dispatcher.step()
    assert plugin.store.get(webhook.id) == webhook
    plugin.obey()
    plugin.dispatcher.step()
    given_up = plugin.store.get(webhook.id)
    assert given_up is not None
    assert (given_up.state, given_up.reason) == ("failed", "target_deleted")


def test_what_waits_for_a_disabled_target_goes_on_waiting(plugin: Plugin) -> None:
    plugin.obey(entry(enforcement="disabled"))
    webhook = _waiting()
    plugin.store.add(webhook)
    plugin.dispatcher.step()
    assert plugin.store.get(webhook.id) == webhook


def test_a_lane_calls_at_most_a_few_times_at_once(plugin: Plugin) -> None:
    with running_receiver("hanging") as hanging:
        plugin.obey(entry(hanging.url, timeout_seconds=3))
        for _number in range(20):
            plugin.store.add(_waiting())
        for _step in range(5):
            plugin.dispatcher.step()
        _until(lambda: len(hanging.requests) == AT_ONCE)
        time.sleep(0.2)
        assert len(hanging.requests) == AT_ONCE


def test_an_appointment_that_a_wrong_clock_made_is_kept_now(
    plugin: Plugin, receiver: Receiver
) -> None:
    plugin.obey(entry(receiver.url))
    plugin.store.add(_waiting(next_attempt_at=clock.now() + 10 * 365 * 24 * 3600))
    plugin.store.add(_waiting(next_attempt_at=clock.now() + 3600))
    plugin.dispatcher.step()
    _until(lambda: receiver.requests)
    time.sleep(0.2)
    assert len(receiver.requests) == 1


def test_410_switches_the_target_off_until_it_is_saved_again(
    plugin: Plugin, receiver: Receiver
) -> None:
    receiver.behaviour = "410"
    plugin.obey(entry(receiver.url))
    plugin.store.add(_waiting())
    plugin.dispatcher.step()
    _until(lambda: plugin.events("webhook.target_gone"))
    assert plugin.events("webhook.target_gone")[0]["revision"] == 1
    _until(lambda: plugin.interceptor.targets[0].enforcement == "disabled")
    plugin.obey(entry(receiver.url))
    assert plugin.interceptor.targets[0].enforcement == "disabled"
    plugin.obey(entry(receiver.url, revision=2))
    assert plugin.interceptor.targets[0].enforcement == "active"


def test_at_most_half_of_the_threads_wait(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, threads=4)
    with running_receiver("hanging") as hanging:
        plugin.obey(entry(hanging.url, mode="gate", timeout_seconds=3))
        refusals: list[str] = []
        threads = [
            threading.Thread(target=lambda: refusals.append(plugin.move())) for _number in range(6)
        ]
        for each in threads:
            each.start()
            time.sleep(0.05)
        for each in threads:
            each.join(30)
    assert len(refusals) == 6
    assert all("Too many C-MOVEs waited already" in words for words in refusals[:4])
    assert all("did not answer in time" in words for words in refusals[4:])


def test_with_a_single_thread_nobody_waits_and_it_is_warned_of(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, threads=1)
    plugin.obey(entry(mode="gate", on_timeout="refuse"))
    assert "Too many" in plugin.move()
    assert "intercept_threads" in plugin.codes()


def test_targets_of_an_orthanc_that_does_not_intercept_are_warned_of(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, variant=0)
    plugin.obey(entry())
    assert "intercept_off" in plugin.codes()
    plugin.obey()
    assert "intercept_off" not in plugin.codes()


def test_a_gate_whose_condition_cannot_be_read_is_asked_about_everything(
    plugin: Plugin, receiver: Receiver
) -> None:
    receiver.behaviour = "403"
    unreadable = {"future": 1}
    plugin.obey(
        entry(receiver.url, mode="gate", condition=unreadable),
        entry(receiver.url, id=2, condition=unreadable),
    )
    assert "403" in plugin.move()
    assert len(receiver.requests) == 1
    assert "webhook_targets_unreadable" in plugin.codes()


def test_a_request_that_cannot_be_recorded_is_refused_only_if_somebody_had_to_be_told(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(plugin.store, "begin_move", full)
    plugin.obey()
    assert "Nothing that is stored here" in plugin.move()
    plugin.obey(entry())
    assert "cannot write" in plugin.move()
    assert "intercept_record" in plugin.codes()


def test_a_dry_run_records_and_tells_nobody(plugin: Plugin, receiver: Receiver) -> None:
    receiver.behaviour = "403"
    plugin.obey(entry(receiver.url, mode="gate", enforcement="dry_run"))
    assert "Nothing that is stored here" in plugin.move()
    assert receiver.requests == []
    (event,) = plugin.events("webhook.attempt")
    assert (event["delivery"]["state"], event["delivery"]["reason"]) == ("skipped", "dry_run")


def test_redelivering_makes_due_what_is_known_and_names_the_rest(
    plugin: Plugin, receiver: Receiver
) -> None:
    plugin.obey(entry(receiver.url))
    webhook = _waiting(state="failed", reason="gave_up", attempts=8, tries=8)
    plugin.store.add(webhook)
    plugin.part.commands["webhook_redeliver"]("c1", {"deliveries": [webhook.id, "unknown"]})
    (result,) = plugin.state.waiting_results()
    assert result["data"]["done"] == [webhook.id]
    assert [each["id"] for each in result["data"]["skipped"]] == ["unknown"]
    plugin.dispatcher.step()
    _until(lambda: receiver.requests)
    _until(lambda: (found := plugin.store.get(webhook.id)) and found.state == "delivered")


def test_what_ended_long_ago_is_forgotten(plugin: Plugin) -> None:
    now = clock.now()
    old, failed = now - 40 * 24 * 3600, now - 100 * 24 * 3600
    kept = [_waiting(created_at=failed), _waiting(state="failed", created_at=old)]
    gone = [
        _waiting(state="delivered", created_at=old),
        _waiting(state="failed", created_at=failed),
    ]
    for webhook in kept + gone:
        plugin.store.add(webhook)
    plugin.store.forget_old(now)
    assert [plugin.store.get(each.id) is not None for each in kept + gone] == [
        True,
        True,
        False,
        False,
    ]
