"""A call shows that a node is there; two Orthancs with one token are told apart."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orthanc_console.nodes import services
from orthanc_console.nodes.models import Node
from tests.agent import Agent

pytestmark = pytest.mark.django_db


def test_a_node_is_online_from_its_call_until_45_seconds_later() -> None:
    agent = Agent()
    assert not agent.node.online
    agent.sync(config_revision=1)
    assert agent.node.online
    assert agent.node.config_revision == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=46)):
        assert not agent.node.online


def test_it_keeps_versions_and_warnings() -> None:
    agent = Agent()
    warning = {"code": "http_server_off", "message": "The HTTP server is off."}
    status = {"orthanc_version": "1.12.7", "plugin_version": "0.1.0", "outbox": 4}
    agent.sync(status={**status, "warnings": [warning]})
    assert agent.node.orthanc_version == "1.12.7"
    assert agent.node.warnings == [warning]
    assert agent.node.status["outbox"] == 4
    agent.sync()
    assert agent.node.orthanc_version == "1.12.7"
    agent.sync(status={**status, "warnings": []})
    assert agent.node.warnings == []


def test_a_plugin_whose_state_folder_cannot_be_read_is_heard_before_and_after() -> None:
    agent = Agent()
    agent.sync(boot="one")
    known = agent.node.instance
    agent.sync(boot="two", instance=None)
    assert (agent.node.boot, agent.node.instance) == ("two", known)
    agent.sync(boot="two")
    assert agent.node.instance == known


def test_another_state_folder_with_the_same_token_is_refused() -> None:
    agent = Agent()
    agent.sync(instance="first")
    seen = agent.node.last_seen_at
    answer = agent.post(agent.body(instance="second"))
    assert answer.status_code == 409
    agent.node.refresh_from_db()
    assert agent.node.conflict_at is not None
    assert agent.node.last_seen_at == seen


def test_the_conflict_is_among_the_warnings_of_the_node() -> None:
    agent = Agent()
    agent.sync(instance="first")
    agent.post(agent.body(instance="second"))
    agent.sync(instance="first", status={"outbox": 0})
    assert [warning["code"] for warning in agent.node.warnings] == ["token_used_twice"]


def test_another_orthanc_may_take_over_after_a_minute_of_silence() -> None:
    agent = Agent()
    agent.sync(instance="first")
    Node.objects.update(last_seen_at=timezone.now() - timedelta(seconds=61))
    agent.sync(instance="second")
    assert agent.node.instance == "second"


def test_a_restarted_orthanc_is_welcome_at_once() -> None:
    agent = Agent()
    agent.sync(boot="one")
    agent.sync(boot="two")
    assert agent.node.boot == "two"


def test_a_process_that_was_replaced_is_refused() -> None:
    agent = Agent()
    agent.sync(boot="one")
    agent.sync(boot="two")
    assert agent.post(agent.body(boot="one")).status_code == 409
    agent.sync(boot="two")


def test_a_new_process_is_asked_at_once_what_the_old_one_did_not_finish() -> None:
    agent = Agent()
    agent.sync(boot="one")
    services.ask(agent.node, "echo", {"destination": 1})
    assert len(agent.sync(boot="one")["commands"]) == 1
    assert agent.sync(boot="one")["commands"] == []
    assert len(agent.sync(boot="two")["commands"]) == 1


def test_clocks_that_differ_are_a_warning() -> None:
    agent = Agent()
    late = (timezone.now() - timedelta(minutes=5)).isoformat()
    agent.sync(sent_at=late, status={"outbox": 0})
    assert [warning["code"] for warning in agent.node.warnings] == ["clock"]
    agent.sync(sent_at=timezone.now().isoformat(), status={"outbox": 0})
    assert agent.node.warnings == []
