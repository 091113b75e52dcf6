"""A node is told what concerns it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from orthanc_console.accounts.models import User
from routing.models import Rule
from routing.services import rules
from tests.agent import Agent
from tests.factories import make_found, make_modality, make_node, make_rule

pytestmark = pytest.mark.django_db


def config(agent: Agent) -> dict[str, Any]:
    told: dict[str, Any] = agent.sync()["config"]
    return told


def test_it_names_the_node_and_the_revision() -> None:
    agent = Agent("main")
    told = config(agent)
    assert told["node"] == {"id": agent.node.pk, "name": "main"}
    assert told["revision"] == agent.sync()["config_revision"]


def test_it_is_left_out_when_the_node_has_it() -> None:
    agent = Agent()
    revision = agent.sync()["config_revision"]
    assert "config" not in agent.sync(config_revision=revision)


def test_destinations_are_those_of_the_node() -> None:
    agent, (other, _secret) = Agent(), make_node()
    make_modality("ALL", password="")
    make_modality("OURS", nodes=[agent.node])
    make_modality("THEIRS", nodes=[other], password="secret")
    make_found(other, "FOUND")
    told = config(agent)
    assert [each["name"] for each in told["destinations"]] == ["ALL", "OURS"]
    assert "secret" not in str(told)


def test_a_destination_is_told_in_full() -> None:
    agent = Agent()
    pacs = make_modality("PACS_B", verify="count", max_in_flight=4, password="s3cret")
    assert config(agent)["destinations"] == [
        {
            "id": pacs.pk,
            "name": "PACS_B",
            "kind": "modality",
            "source": "console",
            "enabled": True,
            "paused": False,
            "gone": False,
            "aet": "PACS_B",
            "host": "192.0.2.7",
            "port": 104,
            "url": "",
            "username": "",
            "password": "s3cret",
            "verify": "count",
            "max_in_flight": 4,
            "hours": "",
        }
    ]


def test_rules_come_in_order_without_disabled_ones() -> None:
    agent = Agent()
    pacs = make_modality()
    make_rule("second", position=2, destinations=[pacs])
    make_rule("first", position=1, destinations=[pacs], enforcement="dry_run")
    make_rule("off", position=3, destinations=[pacs], enforcement="disabled")
    told = config(agent)["rules"]
    assert [each["name"] for each in told] == ["first", "second"]
    assert told[0]["enforcement"] == "dry_run"
    assert told[0]["destinations"] == [pacs.pk]


def test_a_rule_of_other_nodes_is_not_told() -> None:
    agent, (other, _secret) = Agent(), make_node()
    make_rule("theirs", nodes=[other])
    assert config(agent)["rules"] == []


def test_a_rule_names_only_destinations_that_the_node_has() -> None:
    agent, (other, _secret) = Agent(), make_node()
    ours, theirs = make_modality(), make_found(other)
    make_rule(destinations=[ours, theirs])
    assert config(agent)["rules"][0]["destinations"] == [ours.pk]


def test_tags_are_the_keywords_that_rules_read() -> None:
    agent = Agent()
    make_rule(expression='"CT" in ModalitiesInStudy and SliceThickness < 2')
    make_rule(expression='RemoteAET == "CT1"')
    tags = config(agent)["tags"]
    assert "SliceThickness" in tags
    assert "RemoteAET" not in tags


def test_a_saved_rule_is_told_with_its_new_condition(alice: User) -> None:
    agent = Agent()
    rule = rules.save(alice, Rule(name="r", expression="true"), destinations=[make_modality()])
    first = config(agent)["rules"][0]
    rule.expression = 'PatientID == "7"'
    rules.save(alice, rule, destinations=rule.destinations.all())
    second = config(agent)["rules"][0]
    assert (first["revision"], second["revision"]) == (1, 2)
    assert first["condition"] != second["condition"]


def test_a_rule_that_cannot_be_read_any_more_does_not_hold_up_the_others() -> None:
    agent = Agent()
    make_rule("broken", expression="this is no rule")
    make_rule("good")
    assert [each["name"] for each in config(agent)["rules"]] == ["good"]
