"""API tokens: what opens the API, what does not, and what is noted of their use."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from orthanc_console.accounts import services
from orthanc_console.accounts.models import ApiToken, User
from orthanc_console.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

URL = "/api/v1/nodes/"


def client(header: str) -> APIClient:
    return APIClient(headers={"Authorization": header})


def test_only_its_digest_is_stored(alice: User) -> None:
    token, secret = services.issue_token(alice, alice, "script")
    assert secret.startswith("oct_") and len(secret) > 40
    assert secret not in str(ApiToken.objects.values().get())
    assert token.hint == secret[:8]


def test_the_scheme_is_read_in_any_letter_case(alice: User) -> None:
    _token, secret = ApiToken.issue(alice, "t")
    assert client(f"bearer {secret}").get(URL).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer oct_wrong",
        "Bearer a b",
        "Token oct_x",
        "Basic YTpi",
        "Bearer \xff",
    ],
)
def test_anything_else_is_refused_with_how_to_authenticate(db: None, header: str) -> None:
    answer = client(header).get(URL)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_or_expired_token_is_refused(alice: User) -> None:
    token, secret = ApiToken.issue(alice, "t", timezone.now() + timedelta(hours=1))
    caller = client(f"Bearer {secret}")
    assert caller.get(URL).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert caller.get(URL).status_code == 401
    services.revoke_token(alice, token)
    assert caller.get(URL).status_code == 401
    assert AuditEvent.objects.filter(verb="token.revoked").count() == 1


def test_its_last_use_is_noted_at_most_once_a_minute(alice: User) -> None:
    token, secret = ApiToken.issue(alice, "t")
    caller = client(f"Bearer {secret}")
    caller.get(URL)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    caller.get(URL)
    token.refresh_from_db()
    assert token.last_used_at == first
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        caller.get(URL)
    token.refresh_from_db()
    assert token.last_used_at is not None and token.last_used_at > first


def test_many_wrong_tokens_are_slowed_down_and_a_right_one_is_not(alice: User) -> None:
    _token, secret = ApiToken.issue(alice, "t")
    codes = [client("Bearer oct_guess").get(URL).status_code for _ in range(31)]
    assert codes == [401] * 30 + [429]
    assert client(f"Bearer {secret}").get(URL).status_code == 200
