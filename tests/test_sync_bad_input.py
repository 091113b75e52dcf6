"""What is wrong with a call of a node is said exactly, and nothing of it is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from orthanc_console.accounts.models import ApiToken, User
from orthanc_console.agent.messages import LARGEST_BODY
from orthanc_console.agent.models import Event
from routing.models import Study
from tests.agent import Agent
from tests.factories import event, study_report

pytestmark = pytest.mark.django_db


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _level in range(levels):
        value = [value]
    return value


def detail(answer: HttpResponse) -> str:
    said = json.loads(answer.content)["detail"]
    assert isinstance(said, str)
    return said


def test_a_wrong_token_is_refused() -> None:
    answer = Agent(token="ocn_wrong").post(b"{}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_token_is_refused() -> None:
    agent = Agent()
    agent.node.revoke_token()
    assert agent.post(agent.body()).status_code == 401


def test_a_call_without_a_token_is_refused() -> None:
    answer = Client().post("/api/agent/v1/sync", "{}", content_type="application/json")
    assert answer.status_code == 401


def test_an_api_token_is_not_a_node_token(alice: User) -> None:
    _token, secret = ApiToken.issue(alice, "test")
    assert Agent(token=secret).post(b"{}").status_code == 401


def test_it_takes_only_post() -> None:
    assert Client().get("/api/agent/v1/sync").status_code == 405


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b'{"protocol": 1', b"\xff\xfe", b"[1]", b"null", b"NaN", b'"text"'],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = Agent().post(body)
    assert answer.status_code == 400
    assert "JSON" in detail(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("protocol", None),
        ("protocol", "1"),
        ("protocol", True),
        ("instance", ""),
        ("instance", 7),
        ("instance", "x" * 37),
        ("boot", None),
        ("sent_at", "yesterday"),
        ("sent_at", "2026-11-24T22:00:00"),
        ("sent_at", 1764021600),
        ("config_revision", -1),
        ("config_revision", "12"),
        ("config_revision", 2**63),
        ("wait", "20"),
        ("status", []),
        ("events", {}),
        ("events", [event("node.notice", {})] * 501),
        ("results", [1]),
        ("results", [{"command": "no uuid", "ok": True}]),
        ("results", [{"command": "6a1e2b0c-7a38-4bb4-9a0a-2a3e7c9b1f11", "ok": 1}]),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    agent = Agent()
    answer = agent.post(agent.body(**{field: value}))
    assert answer.status_code == 400
    assert field in detail(answer) or field == "results"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    agent = Agent()
    text = json.dumps(agent.body(status={"x": 17.5})).replace("17.5", number)
    answer = agent.post(text.encode())
    assert answer.status_code == 400


def test_deep_nesting_is_refused() -> None:
    agent = Agent()
    body = json.dumps(agent.body(status={"x": 1})).replace("1}", "[" * 500 + "]" * 500 + "}")
    assert agent.post(body.encode()).status_code == 400
    bottomless = b'{"status":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert agent.post(bottomless).status_code == 400


def test_an_enormous_number_is_refused() -> None:
    assert Agent().post(b'{"protocol": 1' + b"0" * 5000 + b"}").status_code == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    class Unreadable:
        """A body that fails the test when it is touched."""

        def read(self, *args: object) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    agent = Agent()
    answer = agent.client.generic(
        "POST",
        "/api/agent/v1/sync",
        headers={"Authorization": f"Bearer {agent.token}"},
        content_type="application/json",
        CONTENT_LENGTH=str(50 * 1024 * 1024),
        **{"wsgi.input": Unreadable()},
    )
    assert answer.status_code == 413
    assert str(LARGEST_BODY) in detail(answer)


def test_another_protocol_is_a_conflict_that_says_what_to_do() -> None:
    agent = Agent()
    answer = agent.post(agent.body(protocol=2))
    assert answer.status_code == 409
    assert "Nodes page" in detail(answer)


def test_nothing_of_a_refused_call_is_stored() -> None:
    agent = Agent()
    agent.post(agent.body(events=[study_report()], results=[1]))
    assert not Event.objects.exists()
    assert not Study.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"kind": "study.flew"}, "study.flew"),
        ({"kind": ""}, "kind"),
        ({"kind": 5}, "kind"),
        ({"seq": "1"}, "seq"),
        ({"seq": None}, "seq"),
        ({"seq": 2**63}, "seq"),
        ({"at": "soon"}, "at"),
        ({"at": None}, "at"),
        ({"data": None}, "data"),
        ({"data": [1]}, "data"),
        ({"data": {"x": deep(40)}}, "data"),
    ],
)
def test_a_wrong_event_is_set_aside_and_blocks_nothing(wrong: dict[str, Any], reason: str) -> None:
    agent = Agent()
    bad = {**event("node.notice", {"code": "x"}), **wrong}
    said = agent.sync(events=[bad, study_report()])
    [aside] = said["set_aside"]
    assert aside["id"] == bad["id"]
    assert reason in aside["reason"]
    assert Study.objects.count() == 1
    assert Event.objects.get(pk=bad["id"]).problem == aside["reason"]


@pytest.mark.parametrize("bad", [5, None, "event", [], {"id": 7}, {"id": "no uuid"}, {}])
def test_an_event_without_an_identifier_is_set_aside_once(bad: Any) -> None:
    agent = Agent()
    assert len(agent.sync(events=[bad])["set_aside"]) == 1
    agent.sync(events=[bad])
    assert Event.objects.exclude(problem="").count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("orthanc_id", ""),
        ("orthanc_id", None),
        ("orthanc_id", "x" * 45),
        ("patient_id", 5),
        ("modalities", "CT"),
        ("modalities", [1]),
        ("instance_count", -1),
        ("instance_count", 2**31),
        ("instance_count", 1.5),
        ("instance_count", True),
        ("size_bytes", 2**63),
        ("received_at", "2026-13-45T00:00:00Z"),
        ("stable_at", "0000"),
        ("facts", []),
        ("facts", {"study": []}),
        ("facts", {"series": {}}),
        ("facts", {"series": [1]}),
    ],
)
def test_a_study_that_is_not_understood_is_set_aside(field: str, value: Any) -> None:
    agent = Agent()
    said = agent.sync(events=[study_report(**{field: value}), study_report("study-b")])
    assert len(said["set_aside"]) == 1
    assert Study.objects.get().orthanc_id == "study-b"


@pytest.mark.parametrize("day", ["", "2026", "20261399", "2026.11.24", "        ", "unknown"])
def test_a_study_date_that_is_none_is_left_out(day: str) -> None:
    assert Agent().sync(events=[study_report(study_date=day)])["set_aside"] == []
    assert Study.objects.get().study_date is None


def test_what_no_database_stores_is_replaced() -> None:
    agent = Agent()
    facts = {"study": {"PatientName": "a\x00b\ud800", "k\x00": "v"}, "series": []}
    said = agent.sync(events=[study_report(patient_name="Doe\x00^Jane\udfff", facts=facts)])
    assert said["set_aside"] == []
    study = Study.objects.get()
    assert study.patient_name == "Doe\ufffd^Jane\ufffd"
    assert study.facts["study"] == {"PatientName": "a\ufffdb\ufffd", "k\ufffd": "v"}


def test_other_scripts_and_long_texts_are_stored() -> None:
    agent = Agent()
    agent.sync(events=[study_report(patient_name="山田^太郎 😀", study_description="x" * 9000)])
    study = Study.objects.get()
    assert study.patient_name == "山田^太郎 😀"
    assert len(study.study_description) == 255


def test_a_strange_status_is_a_warning_and_not_an_error() -> None:
    agent = Agent()
    status = {
        "orthanc_version": 12,
        "warnings": ["x", {"code": 1}],
        "discovered": [{"kind": "fax", "name": "F"}, {"kind": "modality"}, 5],
        "lanes": "none",
    }
    agent.sync(status=status)
    codes = [warning["code"] for warning in agent.node.warnings]
    assert "status_not_understood" in codes
    assert agent.node.orthanc_version == ""
