"""A call that waits comes back as soon as there is something to say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from orthanc_console import stopping
from orthanc_console.accounts.models import User
from orthanc_console.nodes import services
from routing.services import destinations
from tests.agent import Agent
from tests.factories import event, make_modality

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent() -> Agent:
    agent = Agent()
    agent.sync()
    return agent


WAIT = 15


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.monotonic()
    said = call()
    return time.monotonic() - start, said


def meanwhile(act: Callable[[], object], after: float = 0.4) -> threading.Thread:
    def run() -> None:
        time.sleep(after)
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def current(agent: Agent) -> int:
    return int(agent.sync()["config_revision"])


def test_it_returns_when_the_time_is_up(agent: Agent) -> None:
    took, said = timed(lambda: agent.sync(config_revision=current(agent), wait=0.6))
    assert took > 0.5
    assert "config" not in said and said["commands"] == []


def test_it_returns_at_once_for_a_node_without_configuration(agent: Agent) -> None:
    took, said = timed(lambda: agent.sync(config_revision=None, wait=WAIT))
    assert took < WAIT
    assert "config" in said


def test_a_change_of_configuration_ends_it(agent: Agent, alice: User) -> None:
    pacs, revision = make_modality(), current(agent)
    thread = meanwhile(lambda: destinations.set_paused(alice, pacs, True))
    took, said = timed(lambda: agent.sync(config_revision=revision, wait=WAIT))
    thread.join()
    assert took < WAIT
    assert said["config_revision"] == said["config"]["revision"] == revision + 1
    assert said["config"]["destinations"][0]["paused"] is True


def test_a_command_ends_it(agent: Agent) -> None:
    revision = current(agent)
    thread = meanwhile(lambda: services.ask(agent.node, "echo", {"destination": 3}))
    took, said = timed(lambda: agent.sync(config_revision=revision, wait=WAIT))
    thread.join()
    assert took < WAIT
    assert said["commands"][0]["kind"] == "echo"
    assert said["commands"][0]["data"] == {"destination": 3}


def test_a_stopping_server_ends_it(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_stopping", threading.Event())
    revision = current(agent)
    thread = meanwhile(stopping.begin)
    took, _said = timed(lambda: agent.sync(config_revision=revision, wait=WAIT))
    thread.join()
    assert took < WAIT


def test_an_event_that_was_set_aside_is_told_at_once(agent: Agent) -> None:
    call = {"config_revision": current(agent), "wait": WAIT}
    took, _said = timed(lambda: agent.sync(events=[event("what", {})], **call))
    assert took < WAIT


def test_waiting_costs_one_query_a_look(agent: Agent, django_assert_max_num_queries: Any) -> None:
    revision = current(agent)
    with django_assert_max_num_queries(25):
        agent.sync(config_revision=revision, wait=1)
