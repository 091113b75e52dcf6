"""Signatures of webhooks: what the public library of the convention verifies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from intercept.plugin import message, signing
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found
from intercept.plugin.target import Target
from intercept.services.targets import new_secret

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


def _message() -> dict[str, Any]:
    given = {"Level": "STUDY", "StudyInstanceUID": "1.2.3", "TargetAET": "BLAH"}
    return message.of_request(MoveRequest.from_orthanc(given), Found(), "north")


def _now() -> float:
    return datetime.now(UTC).timestamp()


def test_the_library_verifies_a_message() -> None:
    secret = new_secret()
    call = _target(secret=secret).call("msg-1", _message(), _now())
    verified = Webhook(secret).verify(call.body, dict(call.headers))
    assert verified == json.loads(call.body)
    assert verified["type"] == "move.requested"
    assert call.headers["webhook-id"] == "msg-1"


def test_the_library_verifies_with_the_new_and_the_old_secret_while_they_are_exchanged() -> None:
    old, new = new_secret(), new_secret()
    target = _target(secret=new, previous_secret=old, previous_secret_until=_now() + 60)
    call = target.call("msg-1", _message(), _now())
    for secret in (old, new):
        Webhook(secret).verify(call.body, dict(call.headers))


def test_the_old_secret_ends_after_its_time() -> None:
    old, new = new_secret(), new_secret()
    target = _target(secret=new, previous_secret=old, previous_secret_until=_now() - 1)
    call = target.call("msg-1", _message(), _now())
    Webhook(new).verify(call.body, dict(call.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(call.body, dict(call.headers))


def test_a_changed_body_does_not_verify() -> None:
    secret = new_secret()
    call = _target(secret=secret).call("msg-1", _message(), _now())
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(call.body + b" ", dict(call.headers))


def test_a_get_is_signed_over_an_empty_body() -> None:
    secret = new_secret()
    call = _target(secret=secret, method="GET").call("msg-1", _message(), _now())
    assert call.body == b""
    assert (
        signing.headers("msg-1", int(call.headers["webhook-timestamp"]), b"", [secret])[
            "webhook-signature"
        ]
        == call.headers["webhook-signature"]
    )


@pytest.mark.parametrize("secret", ["", "abc", "whsec_", "whsec_!!!", "whsec_YWJj", "YWJj" * 8])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(signing.BadSecret):
        signing.key(secret)
