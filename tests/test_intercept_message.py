"""What is sent to a receiver: no value can leave its place, and no secret gets into the history."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intercept.plugin import message, template
from intercept.plugin.caller import Call, Reply, perform
from intercept.plugin.request import MoveRequest, split
from intercept.plugin.resolve import Found
from intercept.plugin.target import MASK, Target

ALWAYS = {"value": True, "type": "boolean"}


def _target(**values: Any) -> Target:
    entry = {
        "id": 1,
        "name": "hook",
        "revision": 1,
        "enforcement": "active",
        "mode": "notify",
        "condition": ALWAYS,
        "url": "http://10.0.0.9/hook",
    }
    return Target.from_config({**entry, **values})


def _about(**values: str) -> dict[str, Any]:
    request = MoveRequest.from_orthanc({"Level": "STUDY", **values})
    return message.of_request(request, Found(), "north")


@given(st.text())
def test_a_value_in_an_address_stays_one_value(value: str) -> None:
    url = template.url("http://h/p?a={patient_id}&b=1", {"patient_id": _encodable(value)})
    assert url.startswith("http://h/p?a=")
    assert url.endswith("&b=1")
    inner = url[len("http://h/p?a=") : -len("&b=1")]
    assert not set(inner) & set("&?#/ \r\n=")


@given(st.text())
def test_a_value_in_a_body_stays_one_text(value: str) -> None:
    body = template.body('{"a": "{patient_id}", "b": 1}', {"patient_id": value})
    assert json.loads(body) == {"a": value, "b": 1}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def test_braces_of_json_are_no_placeholders() -> None:
    template.check_body('{"patient": {"id": "{patient_id}"}, "n": {}}')


def test_a_value_is_not_looked_through_for_placeholders() -> None:
    values = {"patient_id": "{study_uid}", "study_uid": "1.2"}
    assert template.body('"{patient_id}"', values) == '"{study_uid}"'


def test_the_image_level_has_the_name_of_dicom() -> None:
    assert MoveRequest.from_orthanc({"Level": "INSTANCE"}).level == "IMAGE"


def test_lists_are_split_and_what_is_missing_is_taken_from_what_is_stored() -> None:
    found = Found(["i"], {"a": {"PatientID": "P1"}, "b": {"PatientID": "P1"}})
    given = {"Level": "STUDY", "StudyInstanceUID": "1.2\\1.3"}
    data = message.of_request(MoveRequest.from_orthanc(given), found, "n")["body"]["data"]
    assert data["study_instance_uids"] == ["1.2", "1.3"]
    assert data["patient_id"] == "P1"
    assert data["stored"] is True
    assert split(" 1.2 \\\\1.3\0") == ["1.2", "1.3"]


def test_a_connection_gives_titles_and_address() -> None:
    class Connection:
        def GetConnectionRemoteAet(self) -> str:
            return "SCU"

        def GetConnectionCalledAet(self) -> str:
            return "NODE"

        def GetConnectionRemoteIp(self) -> str:
            return "10.0.0.1"

    request = MoveRequest.from_orthanc({"Level": "STUDY"}, Connection())
    assert (request.originator_aet, request.source_aet) == ("SCU", "NODE")
    assert request.symbols()["OriginatorIP"] == "10.0.0.1"


def test_the_history_has_no_secrets_even_when_the_receiver_repeats_them() -> None:
    target = _target(
        bearer_token="TOKEN!1", headers={"X-Api-Key": "KEY1", "X-Site": "north"}, password="PASS1"
    )
    call = target.call("id", _about(), 1_800_000_000)
    reply = Reply(200, {"Set-Cookie": "s", "X-Echo": "KEY1"}, b"you sent TOKEN!1 and PASS1")
    kept = target.redacted(call, reply)
    assert not any(word in str(kept) for word in ("TOKEN!1", "KEY1", "PASS1"))
    assert kept["request"]["headers"]["X-Site"] == "north"
    assert kept["response"]["headers"]["Set-Cookie"] == MASK
    assert kept["request"]["headers"]["webhook-id"] == "id"


def test_basic_authentication_is_sent_and_hidden() -> None:
    target = _target(username="user", password="pass")
    call = target.call("id", _about(), 1_800_000_000)
    assert call.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert target.redacted(call, Reply(200))["request"]["headers"]["Authorization"] == MASK


@pytest.mark.parametrize("value", ["a\r\nInjected: 1", "a\nb: c"])
def test_a_header_cannot_be_injected(value: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        reply = perform(Call("GET", f"http://127.0.0.1:{port}/", {"X": value}), 2)
        connection, _address = server.accept()
        with connection:
            assert connection.recv(1000) == b""
    assert reply.status is None
    assert "Invalid header value" in reply.error


def test_it_is_a_document_of_its_own_or_the_one_that_is_configured() -> None:
    about = _about(StudyInstanceUID="1.2", TargetAET="BLAH")
    plain = json.loads(_target().call("id", about, 1).body)
    assert plain["type"] == "move.requested"
    own = _target(body_template='{"uid": "{study_uid}", "to": "{target_aet}"}')
    assert json.loads(own.call("id", about, 1).body) == {"uid": "1.2", "to": "BLAH"}
