"""What an Orthanc has by itself appears in the console, and goes when it goes."""

from __future__ import annotations

from typing import Any

import pytest

from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import ConfigRevision
from routing.models import Destination, Lane
from tests.agent import Agent
from tests.factories import AT, make_found, make_modality

pytestmark = pytest.mark.django_db

PACS = {"kind": "modality", "name": "PACS", "aet": "PACS", "host": "192.0.2.5", "port": 104}
PEER = {"kind": "peer", "name": "B", "url": "http://192.0.2.6:8042/", "username": "u"}


def found(agent: Agent, *entries: dict[str, Any]) -> None:
    agent.sync(status={"discovered": list(entries)})


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_its_destinations_appear_and_are_marked() -> None:
    agent = Agent("main")
    before = ConfigRevision.current()
    found(agent, PACS, PEER)
    pacs = Destination.objects.get(name="PACS")
    assert (pacs.source, pacs.aet, pacs.host, pacs.port) == ("orthanc", "PACS", "192.0.2.5", 104)
    assert list(pacs.nodes.all()) == [agent.node]
    assert Destination.objects.get(name="B").url == PEER["url"]
    assert ConfigRevision.current() == before + 1
    assert verbs() == ["destination.found", "destination.found"]
    assert AuditEvent.objects.first().actor_name == "main"  # type: ignore[union-attr]


def test_the_same_report_again_changes_nothing() -> None:
    agent = Agent()
    found(agent, PACS)
    revision = ConfigRevision.current()
    found(agent, PACS)
    agent.sync(status={"outbox": 1})
    assert ConfigRevision.current() == revision
    assert Destination.objects.count() == 1


def test_what_vanishes_is_kept_as_gone_and_comes_back() -> None:
    agent = Agent()
    found(agent, PACS)
    found(agent)
    pacs = Destination.objects.get()
    assert pacs.gone_at is not None
    (told,) = agent.sync()["config"]["destinations"]
    assert told["gone"] is True
    found(agent, {**PACS, "port": 11112})
    pacs.refresh_from_db()
    assert (pacs.gone_at, pacs.port) == (None, 11112)
    assert verbs() == ["destination.found", "destination.gone", "destination.returned"]


def test_a_changed_address_is_followed() -> None:
    agent = Agent()
    found(agent, PACS)
    found(agent, {**PACS, "host": "192.0.2.99"})
    assert Destination.objects.get().host == "192.0.2.99"
    changed = AuditEvent.objects.get(verb="destination.changed")
    assert changed.changes == {"host": ["192.0.2.5", "192.0.2.99"]}


def test_what_the_console_decided_about_it_stays() -> None:
    agent = Agent()
    found(agent, PACS)
    Destination.objects.update(paused=True, max_in_flight=5)
    found(agent, {**PACS, "host": "192.0.2.99"})
    pacs = Destination.objects.get()
    assert (pacs.paused, pacs.max_in_flight) == (True, 5)


def test_each_node_has_its_own() -> None:
    one, two = Agent(), Agent()
    found(one, PACS)
    found(two, PACS)
    assert Destination.objects.count() == 2
    found(one)
    assert Destination.objects.get(nodes=two.node).gone_at is None


def test_lanes_are_kept_per_node_and_destination() -> None:
    agent = Agent()
    pacs = make_modality()
    lane = {
        "destination": pacs.pk,
        "state": "failing",
        "waiting": 4,
        "in_flight": 1,
        "next_attempt_at": AT,
        "last_success_at": None,
        "last_error": "refused",
        "problem": "",
    }
    agent.sync(status={"lanes": [lane, {**lane, "destination": 999}]})
    stored = Lane.objects.get()
    assert (stored.destination, stored.node, stored.waiting) == (pacs, agent.node, 4)
    agent.sync(status={"lanes": [{**lane, "state": "idle", "last_error": ""}]})
    stored.refresh_from_db()
    assert (stored.state, stored.last_error) == ("idle", "")
    agent.sync(status={"lanes": []})
    assert not Lane.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"state": "flying"}, {"destination": None}, {"waiting": -1}, {"last_success_at": "now"}],
)
def test_a_lane_that_is_not_understood_is_left_out_with_a_warning(wrong: dict[str, Any]) -> None:
    agent = Agent()
    pacs = make_found(agent.node)
    lane = {"destination": pacs.pk, "state": "idle", **wrong}
    agent.sync(status={"lanes": [lane]})
    assert [each["code"] for each in agent.node.warnings] == ["status_not_understood"]
    assert not Lane.objects.exists()
