"""Commands reach the node, again until the result arrives, and never another node."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from orthanc_console.nodes import services
from orthanc_console.nodes.models import Command
from tests.agent import Agent

pytestmark = pytest.mark.django_db


def result(command: Command, **values: Any) -> dict[str, Any]:
    base = {"command": str(command.pk), "ok": True, "detail": "fine", "data": {"milliseconds": 3}}
    return {**base, **values}


def test_it_is_sent_again_after_ten_seconds_without_a_result() -> None:
    agent = Agent()
    command = services.ask(agent.node, "echo", {})
    [sent] = agent.sync()["commands"]
    assert sent == {"id": str(command.pk), "kind": "echo", "data": {}}
    assert agent.sync()["commands"] == []
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert len(agent.sync()["commands"]) == 1


def test_its_result_ends_it() -> None:
    agent = Agent()
    command = services.ask(agent.node, "echo", {})
    agent.sync(results=[result(command)])
    command.refresh_from_db()
    assert (command.ok, command.detail, command.result) == (True, "fine", {"milliseconds": 3})
    assert command.finished_at is not None
    assert agent.sync()["commands"] == []


def test_the_first_result_counts() -> None:
    agent = Agent()
    command = services.ask(agent.node, "echo", {})
    agent.sync(results=[result(command)])
    agent.sync(results=[result(command, ok=False)])
    command.refresh_from_db()
    assert command.ok is True


def test_nobody_asks_after_it_expired() -> None:
    agent = Agent()
    services.ask(agent.node, "echo", {}, expires=timedelta(seconds=-1))
    assert agent.sync()["commands"] == []


def test_another_node_neither_gets_nor_ends_it() -> None:
    agent, other = Agent(), Agent()
    command = services.ask(agent.node, "echo", {})
    assert other.sync(results=[result(command)])["commands"] == []
    command.refresh_from_db()
    assert command.finished_at is None


def test_a_result_of_an_unknown_command_is_taken_and_forgotten() -> None:
    unknown = {"command": "6a1e2b0c-7a38-4bb4-9a0a-2a3e7c9b1f11", "ok": True}
    assert Agent().sync(results=[unknown])["set_aside"] == []
