"""A plugin and a console of different age talk, or say clearly why not; in neither case is anything lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from intercept.plugin import assembly as intercept
from orthanc_console.agent import answer, messages
from orthanc_console.agent.models import Event
from orthanc_console.nodes.models import Command, Node
from orthanc_console.plugin import sync
from orthanc_console.plugin.console_client import ConsoleClient
from orthanc_console.plugin.core import Core
from orthanc_console.plugin.host import Host
from orthanc_console.plugin.orthanc_client import Address, OrthancClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.plugin.state import State
from orthanc_console.plugin.sync import Sync
from orthanc_console.plugin.warnings import Warnings
from purge.plugin import assembly as purge
from routing.models import Study
from routing.plugin import assembly as routing
from testbed.waiting import wait_for
from tests.agent import Agent
from tests.factories import event, make_modality, make_node, make_rule, study_report
from tests.intercept_factories import make_target

CAPABILITIES = (routing, purge, intercept)
NEWER, OLDER = 2, 0


class Plugin:
    """The real plugin, with all that it does, beside an Orthanc that never answers; no thread is started."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.warnings = Warnings()
        self.state = State(folder, [each.SCHEMA for each in CAPABILITIES])
        settings = Settings(url, token, folder)
        orthanc = OrthancClient(Address("http://127.0.0.1:9"), "")
        host = Host({}, orthanc, True, self.warnings)
        core = Core(self.state, orthanc, self.warnings, settings, host, {}, 0)
        self.parts = [each.build(core).capability for each in CAPABILITIES]
        self.sync = Sync(self.state, ConsoleClient(settings), self.warnings, dict, self.parts)

    def happens(self) -> None:
        with self.state.transaction() as db:
            self.state.add_event(db, "node.notice", {"code": "x", "message": "something"})

    def report(self) -> None:
        """Without the pause that earlier failures ask for."""
        self.sync._not_before = 0.0
        self.sync.report()


@pytest.fixture
def plugin(live_server: LiveServer, tmp_path: Path) -> Iterator[Plugin]:
    _node, token = make_node("old")
    yield Plugin(tmp_path, live_server.url, token)


@pytest.mark.parametrize(
    ("protocol", "advice"), [(NEWER, "Update this console"), (OLDER, "Install the plugin")]
)
def test_another_protocol_is_said_on_both_sides_and_nothing_is_lost(
    plugin: Plugin,
    alice_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    protocol: int,
    advice: str,
) -> None:
    plugin.happens()
    with monkeypatch.context() as other:
        other.setattr(sync, "PROTOCOL", protocol)
        plugin.report()
        assert plugin.state.outbox_size() == 1
        (warning,) = plugin.warnings.as_list()
        assert f"protocol {protocol}" in warning["message"] and advice in warning["message"]
        page = alice_client.get(reverse("node", args=(Node.objects.get().pk,))).content.decode()
        assert f"protocol {protocol}" in page and "keeps what happens" in page
    # One of the two was updated.
    plugin.report()
    assert plugin.state.outbox_size() == 0
    assert Event.objects.count() == 1
    assert plugin.warnings.as_list() == []


@pytest.mark.django_db
def test_a_body_of_another_protocol_is_not_read_by_the_rules_of_this_one() -> None:
    agent = Agent()
    answered = agent.post({"protocol": NEWER, "happenings": {}, "boot": 7})
    assert answered.status_code == 409
    agent.node.refresh_from_db()
    assert [warning["code"] for warning in agent.node.warnings] == ["other_protocol"]
    agent.sync(status={"orthanc_version": "1.12.7"})
    assert agent.node.warnings == []


@pytest.mark.django_db
def test_what_a_newer_plugin_tells_beyond_is_kept_or_set_aside() -> None:
    agent = Agent()
    report = study_report("study-a", bodypart="LUNG")
    unknown = event("study.anonymized", {"study": "study-a", "by": "x"})
    said = agent.sync(
        events=[report, unknown],
        status={"orthanc_version": "9", "gpu": {"load": 3}, "lanes": [{"destination": 1, "x": 2}]},
        novelty=[1, 2],
    )
    assert [each["id"] for each in said["set_aside"]] == [unknown["id"]]
    aside = Event.objects.get(pk=unknown["id"])
    assert aside.data == unknown["data"] and "does not know" in aside.problem
    assert Study.objects.get().patient_id == "P1"


@pytest.fixture
def config() -> dict[str, Any]:
    """A full configuration."""
    node, _token = make_node()
    make_rule("CT", '"CT" in ModalitiesInStudy', destinations=[make_modality("PACS")])
    make_target()
    return answer.config_for(node, 5)


def with_more(value: Any) -> Any:
    """The same with a field more in every object but conditions, which have rules of their own."""
    if isinstance(value, dict):
        inner = {k: v if k == "condition" else with_more(v) for k, v in value.items()}
        return {**inner, "invented_later": {"x": [1]}}
    return [with_more(each) for each in value] if isinstance(value, list) else value


@pytest.mark.django_db
def test_a_plugin_obeys_a_configuration_that_says_more_than_it_knows(
    config: dict[str, Any], tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path, "http://127.0.0.1:9", "ocn_x")
    plugin.sync._take(with_more(config))
    assert plugin.sync.config_revision == 5
    assert {warning["code"] for warning in plugin.warnings.as_list()} <= {"intercept_off"}


@pytest.mark.django_db
def test_a_plugin_obeys_a_configuration_without_what_came_later(
    config: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("private_tags", "purge", "webhook_targets"):
        del config[name]
    plugin = Plugin(tmp_path, "http://127.0.0.1:9", "ocn_x")
    plugin.sync._take(config)
    assert plugin.sync.config_revision == 5
    assert plugin.warnings.as_list() == []


@pytest.mark.django_db
def test_a_rule_that_is_too_new_is_named_and_the_others_are_followed(
    config: dict[str, Any], tmp_path: Path
) -> None:
    newer = {**config["rules"][0], "id": 99, "name": "by AI", "condition": {"op": "looks_like"}}
    plugin = Plugin(tmp_path, "http://127.0.0.1:9", "ocn_x")
    plugin.sync._take({**config, "rules": [*config["rules"], newer]})
    assert plugin.sync.config_revision == 5
    (warning,) = (w for w in plugin.warnings.as_list() if w["code"] == "rules_unreadable")
    assert "by AI" in warning["message"] and "1 rules" in warning["message"]


def test_a_command_that_an_older_plugin_does_not_know_is_answered_so(plugin: Plugin) -> None:
    command = Command.objects.create(node=Node.objects.get(), kind="dance", data={})

    def answered() -> bool:
        plugin.report()
        command.refresh_from_db()
        return command.finished_at is not None

    wait_for(answered, "the command is answered")
    assert command.ok is False
    assert "does not know the command dance" in command.detail


def test_this_suite_compares_with_the_protocol_of_today() -> None:
    assert OLDER < messages.PROTOCOL < NEWER
