"""The sync of the plugin against a console that answers in every way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin import console_client, sync
from orthanc_console.plugin.console_client import ConsoleClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.plugin.state import State
from orthanc_console.plugin.sync import Sync
from orthanc_console.plugin.warnings import Warnings
from testbed.waiting import wait_for
from tests.http_server import HttpServer, answer, cut_off, hang, http_server

COMMAND = {"id": "6a1e2b0c-7a38-4bb4-9a0a-2a3e7c9b1f11", "kind": "greet", "data": {"name": "Ada"}}


class Greeter:
    """A capability that keeps what it is told."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.configs: list[dict[str, Any]] = []
        self.greeted: list[str] = []
        self.commands: dict[str, Callable[[str, dict[str, Any]], None]] = {"greet": self._greet}

    def configure(self, config: dict[str, Any]) -> None:
        self.configs.append({"greeting": config["greeting"]})

    def status(self) -> dict[str, Any]:
        return {"greeted": len(self.greeted)}

    def _greet(self, ident: str, data: dict[str, Any]) -> None:
        self.greeted.append(data["name"])
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, True, f"Hello {data['name']}", {})


class Plugin:
    """The parts that sync needs, on a state folder."""

    def __init__(self, folder: Path, server: HttpServer) -> None:
        self.state = State(folder, [])
        self.warnings = Warnings()
        self.greeter = Greeter(self.state)
        client = ConsoleClient(Settings(server.url, "ocn_x", folder))
        self.sync = Sync(
            self.state, client, self.warnings, lambda: {"orthanc_version": "1.12.7"}, [self.greeter]
        )

    def add_events(self, count: int, size: int = 10) -> None:
        for number in range(count):
            with self.state.transaction() as db:
                self.state.add_event(db, "node.notice", {"n": number, "text": "x" * size})

    def report_now(self) -> None:
        """Report without the pause that earlier failures ask for."""
        self.sync._not_before = 0.0
        self.sync.report()


def good(revision: int = 1, **more: Any) -> bytes:
    return answer({"protocol": 1, "config_revision": revision, **more})


def config(revision: int, greeting: str = "Hello") -> dict[str, Any]:
    return {"revision": revision, "greeting": greeting}


def sent_events(server: HttpServer) -> list[list[int]]:
    """The numbers of the events in each request."""
    return [[event["data"]["n"] for event in request.body["events"]] for request in server.requests]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_client, "PATIENCE", 0.3)
    monkeypatch.setattr(sync, "LISTEN_SECONDS", 0)


def test_events_are_handed_over_once_and_then_forgotten(tmp_path: Path) -> None:
    with http_server(good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(3)
        plugin.sync.report()
        plugin.sync.report()
    assert sent_events(server)[0] == [0, 1, 2]
    assert not any(sent_events(server)[1:])
    assert plugin.state.outbox_size() == 0


@pytest.mark.parametrize(
    "trouble",
    [
        answer(b"<html>", 200, "text/html"),
        answer(b"<h1>Server Error</h1>", 500, "text/html"),
        answer(b"", 302, Location="http://elsewhere.invalid/"),
        answer({"detail": "Unknown token."}, 401),
        answer({"detail": "Another Orthanc uses it."}, 409),
        answer({"detail": "The database does not answer."}, 503),
        answer({"detail": "events is not a list"}, 400),
        cut_off(good()[:-4]),
        cut_off(b""),
        hang,
    ],
)
def test_nothing_is_forgotten_whatever_goes_wrong_and_all_of_it_is_sent_again(
    tmp_path: Path, trouble: Any
) -> None:
    with http_server(trouble, trouble, good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(2)
        for _ in range(2):
            plugin.report_now()
            assert plugin.state.outbox_size() == 2
            (warning,) = plugin.warnings.as_list()
            assert warning["code"] == "console"
        plugin.report_now()
    assert plugin.state.outbox_size() == 0
    assert plugin.warnings.as_list() == []
    assert sent_events(server) == [[0, 1]] * 3
    ids = [[event["id"] for event in request.body["events"]] for request in server.requests]
    assert ids[0] == ids[1] == ids[2]


def test_a_console_that_is_away_is_called_less_and_less_often(tmp_path: Path) -> None:
    with http_server(answer(b"", 500)) as server:
        plugin = Plugin(tmp_path, server)
        pauses = [plugin.sync.listen() for _ in range(6)]
    assert pauses[0] < pauses[2] < pauses[4]
    assert 0.8 <= pauses[0] <= 1.2
    assert max(pauses) <= 15 * 1.2


def test_an_event_that_happens_meanwhile_does_not_cut_the_pause_short(tmp_path: Path) -> None:
    with http_server(answer(b"", 500)) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(1)
        plugin.sync.report()
        plugin.add_events(1)
        assert 0 < plugin.sync.report() <= 1.2
    assert len(server.requests) == 1


def test_a_batch_that_is_too_large_is_sent_in_smaller_ones(tmp_path: Path) -> None:
    too_large = answer({"detail": "The body is too large."}, 413)
    with http_server(too_large, too_large, good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(500)
        for _ in range(3):
            plugin.report_now()
    sizes = [len(events) for events in sent_events(server)]
    assert sizes[:3] == [500, 250, 125]
    assert sum(sizes[2:]) == 500
    assert plugin.state.outbox_size() == 0


def test_large_events_are_spread_over_several_requests(tmp_path: Path) -> None:
    with http_server(good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(5, size=1024 * 1024)
        plugin.report_now()
    assert list(chain(*sent_events(server))) == [0, 1, 2, 3, 4]
    assert max(len(events) for events in sent_events(server)) <= 2


def test_a_new_configuration_is_obeyed_and_kept_for_the_next_start(tmp_path: Path) -> None:
    with http_server(good(7, config=config(7)), good(7)) as server:
        plugin = Plugin(tmp_path, server)
        plugin.sync.listen()
        plugin.sync.listen()
        again = Plugin(tmp_path, server)
    assert plugin.greeter.configs == [{"greeting": "Hello"}]
    assert [request.body["config_revision"] for request in server.requests] == [None, 7]
    assert again.greeter.configs == [{"greeting": "Hello"}]
    assert again.sync.config_revision == 7


def test_a_configuration_that_cannot_be_read_changes_nothing_and_is_warned_of(
    tmp_path: Path,
) -> None:
    newer = good(8, config={"revision": 8, "salutation": "Hello"})
    with http_server(good(7, config=config(7)), newer, newer, good(9, config=config(9))) as server:
        plugin = Plugin(tmp_path, server)
        plugin.sync.listen()
        plugin.add_events(1)
        assert plugin.sync.listen() > 1
        plugin.report_now()
        (warning,) = plugin.warnings.as_list()
        assert warning["code"] == "config_unreadable"
        assert "greeting" in warning["message"]
        assert plugin.sync.config_revision == 7
        assert plugin.state.outbox_size() == 0
        plugin.sync.listen()
    assert plugin.sync.config_revision == 9
    assert plugin.warnings.as_list() == []


def test_a_kept_configuration_that_cannot_be_read_does_not_stop_the_start(tmp_path: Path) -> None:
    with State(tmp_path, []).transaction() as db:
        State.put(db, "config", {"revision": 7, "salutation": "Hello"})
    with http_server(good(7, config=config(7))) as server:
        plugin = Plugin(tmp_path, server)
        assert plugin.sync.config_revision is None
        plugin.sync.listen()
    assert server.requests[0].body["config_revision"] is None
    assert plugin.greeter.configs == [{"greeting": "Hello"}]


def test_a_command_is_done_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    asked = good(commands=[COMMAND])
    with http_server(asked, asked, asked, good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.sync.listen()
        wait_for(plugin.state.waiting_results, "the command was carried out", 5, 0.01)
        plugin.sync.listen()
        plugin.report_now()
        again = Plugin(tmp_path, server)
        again.sync._start(COMMAND)
    assert plugin.greeter.greeted == ["Ada"]
    assert again.greeter.greeted == []
    results = [result for request in server.requests for result in request.body["results"]]
    assert results == [{"command": COMMAND["id"], "ok": True, "detail": "Hello Ada", "data": {}}]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({**COMMAND, "kind": "dance"}, "does not know the command dance"),
        ({**COMMAND, "data": {}}, "KeyError"),
    ],
)
def test_a_command_that_cannot_be_done_is_answered(
    tmp_path: Path, command: dict[str, Any], words: str
) -> None:
    with http_server(good(commands=[command]), good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.sync.listen()
        (result,) = wait_for(plugin.state.waiting_results, "it is answered", 5, 0.01)
    assert not result["ok"]
    assert words in result["detail"]


def test_what_comes_right_after_a_report_goes_together_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "REST_SHARE", 10_000)
    with http_server(good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(1)
        plugin.report_now()
        plugin.add_events(2)
        assert 0 < plugin.sync.report() <= sync.LONGEST_REST
        assert [len(events) for events in sent_events(server)] == [1]
        plugin.report_now()
    assert [len(events) for events in sent_events(server)] == [1, 2]


def test_a_status_that_changed_is_reported_soon_and_one_that_did_not_seldom(tmp_path: Path) -> None:
    with http_server(good()) as server:
        plugin = Plugin(tmp_path, server)
        plugin.sync.report()
        plugin.sync.report()
        assert len(server.requests) == 1
        plugin.warnings.set("code", "Something happened.")
        plugin.sync._status_at -= 1
        plugin.report_now()
    status = server.requests[-1].body["status"]
    assert [warning["code"] for warning in status["warnings"]] == ["code"]
    assert status["orthanc_version"] == "1.12.7"
    assert status["greeted"] == 0


def test_both_threads_may_call_at_once(tmp_path: Path) -> None:
    with http_server(good(7, config=config(7))) as server:
        plugin = Plugin(tmp_path, server)
        plugin.add_events(200)
        calls = [plugin.sync.listen, plugin.report_now] * 5
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert plugin.sync.config_revision == 7
    assert plugin.state.outbox_size() == 0
    assert plugin.warnings.as_list() == []
