"""What is answered in place of a page, and what the log says of it: one line."""

from __future__ import annotations

from unittest import mock

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console import outage, refusals


@pytest.mark.parametrize("path", ["/", "/api/agent/v1/sync"])
def test_a_name_that_is_missing_in_allowed_hosts_is_told(
    path: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(path, headers={"Host": "pacs.example.org:8000"})
    said = answer.json()["detail"] if path != "/" else answer.content.decode()
    assert answer.status_code == 400
    assert "not known as pacs.example.org. Add the name to ALLOWED_HOSTS" in said
    [record] = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "'pacs.example.org'" in record.getMessage()


def test_of_a_name_with_markup_nothing_comes_back(client: Client) -> None:
    answer = client.get("/", headers={"Host": "<b>pacs</b>"})
    assert answer.status_code == 400 and b"<b>" not in answer.content
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_refusal_is_one_line_without_a_traceback(
    charlie_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert charlie_client.get("/users/").status_code == 403
    [record] = [each for each in caplog.records if each.name == "django.request"]
    assert record.exc_info is None


def test_a_page_without_its_database_is_503(
    charlie_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refusals, "is_away", lambda error: True)
    with mock.patch(
        "orthanc_console.dashboard.overview.figures", side_effect=OperationalError("refused")
    ):
        answer = charlie_client.get("/")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.content.decode()
    assert "the database does not answer: refused" in caplog.text
    assert "Traceback" not in caplog.text


def test_the_api_without_its_database_is_503(
    charlie_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "is_away", lambda error: True)
    with mock.patch(
        "orthanc_console.rest.StrictFilter.filter_queryset", side_effect=OperationalError
    ):
        answer = charlie_api.get("/api/v1/nodes/")
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("cause", "away"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.DeadlockDetected(), False),
        (psycopg.errors.DiskFull(), False),
    ],
)
def test_only_a_server_that_does_not_answer_is_away(
    cause: Exception, away: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql", raising=False)
    error = OperationalError()
    error.__cause__ = cause
    assert outage.is_away(error) is away
    assert outage.is_away(ValueError()) is False
