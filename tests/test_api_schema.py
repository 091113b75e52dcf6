"""The schema of the API is right, and its pages need no other host."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


def test_it_is_made_without_warnings() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_it_describes_every_resource(charlie_api: APIClient) -> None:
    answer = charlie_api.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    paths = json.loads(answer.content)["paths"]
    for name in (
        "nodes",
        "destinations",
        "rules",
        "studies",
        "deliveries",
        "lanes",
        "acts",
        "audit-events",
    ):
        assert f"/api/v1/{name}/" in paths


def test_its_pages_load_nothing_from_elsewhere(charlie_api: APIClient) -> None:
    page = charlie_api.get("/api/docs/").content.decode()
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    files = re.findall(r"/static/([^\"']+)", page)
    assert files
    for file in files:
        assert finders.find(file), file


def test_anyone_may_read_it(db: None) -> None:
    # It is the same in every console and tells nothing of this one.
    assert APIClient().get("/api/schema/").status_code == 200
    assert APIClient().get("/api/docs/").status_code == 200
