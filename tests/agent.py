"""Calls the console as a plugin would."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.factories import make_node

INSTANCE, BOOT = str(uuid.uuid4()), str(uuid.uuid4())


class Agent:
    """A plugin with the token of a node."""

    def __init__(self, name: str = "", token: str | None = None) -> None:
        self.node, secret = make_node(name)
        self.token = secret if token is None else token
        self.client = Client()

    def body(self, **values: Any) -> dict[str, Any]:
        base = {
            "protocol": 1,
            "instance": INSTANCE,
            "boot": BOOT,
            "sent_at": None,
            "config_revision": None,
            "wait": 0,
        }
        return {**base, **values}

    def post(self, body: bytes | dict[str, Any], **headers: str) -> HttpResponse:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        answer: HttpResponse = self.client.post(
            "/api/agent/v1/sync",
            data,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )
        return answer

    def sync(self, **values: Any) -> dict[str, Any]:
        """One call that must succeed; returns the answer."""
        answer = self.post(self.body(**values))
        assert answer.status_code == 200, answer.content
        said: dict[str, Any] = json.loads(answer.content)
        self.node.refresh_from_db()
        return said
