"""Log-in, log-out, passwords and API tokens."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from orthanc_console.accounts.models import ApiToken, Role, User
from tests.conftest import PASSWORD

NEW = "purple monkey dishwasher 9"


def log_in(client: Client, password: str, name: str = "charlie") -> int:
    return client.post("/login/", {"username": name, "password": password}).status_code


def test_it_signs_in_and_goes_where_one_wanted(client: Client, charlie: User) -> None:
    response = client.post(
        "/login/", {"username": "charlie", "password": PASSWORD, "next": "/rules/"}
    )
    assert response.headers["Location"] == "/rules/"
    assert client.get("/rules/").status_code == 200


def test_it_never_goes_to_another_site(client: Client, charlie: User) -> None:
    response = client.post(
        "/login/", {"username": "charlie", "password": PASSWORD, "next": "//evil.example/"}
    )
    assert response.headers["Location"] == "/"


def test_a_wrong_password_is_said(client: Client, charlie: User) -> None:
    page = client.post("/login/", {"username": "charlie", "password": "wrong"}).content
    assert b"correct username and password" in page


def test_guessing_locks_the_name_for_a_while(client: Client, charlie: User) -> None:
    answers = [log_in(client, "wrong") for _number in range(9)]
    assert answers[-1] == 429
    page = client.post("/login/", {"username": "charlie", "password": PASSWORD}).content
    assert b"Too many failed log-ins" in page
    assert b"quarter of an hour" in page


def test_signing_out_needs_a_post(charlie_client: Client) -> None:
    assert charlie_client.get("/logout/").status_code == 405
    assert charlie_client.post("/logout/").status_code == 302
    assert charlie_client.get("/").status_code == 302


def test_one_changes_ones_own_password_and_stays_signed_in(client: Client, charlie: User) -> None:
    log_in(client, PASSWORD)
    client.post("/account/password/", {"present": PASSWORD, "password": NEW})
    assert client.get("/account/").status_code == 200
    assert log_in(Client(), NEW) == 302


@pytest.mark.parametrize(
    ("present", "password", "message"),
    [("wrong", NEW, "not your present password"), (PASSWORD, "12345678", "entirely numeric")],
)
def test_a_password_is_not_changed_lightly(
    present: str, password: str, message: str, charlie: User, charlie_client: Client
) -> None:
    page = charlie_client.post("/account/password/", {"present": present, "password": password})
    assert message in page.content.decode()
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD)


def test_a_token_is_shown_once_and_works(charlie_client: Client) -> None:
    response = charlie_client.post("/account/tokens/", {"name": "report"})
    secret = re.search(r"oct_[\w-]{40,}", response.content.decode())
    assert secret is not None
    assert "no-store" in response.headers["Cache-Control"]
    bearer = {"Authorization": f"Bearer {secret[0]}"}
    assert Client().get("/api/v1/nodes/", headers=bearer).status_code == 200
    page = charlie_client.get("/account/").content.decode()
    assert secret[0] not in page
    assert secret[0][:8] in page


def test_a_token_is_revoked(charlie: User, charlie_client: Client) -> None:
    token, secret = ApiToken.issue(charlie, "report")
    charlie_client.post(f"/account/tokens/{token.pk}/revoke/")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/nodes/", headers=bearer).status_code == 401
    assert b"Revoked" in charlie_client.get("/account/").content


def test_nobody_revokes_the_token_of_somebody_else(bob: User, charlie_client: Client) -> None:
    token, _secret = ApiToken.issue(bob, "report")
    assert charlie_client.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.usable


def test_a_token_cannot_expire_in_the_past(charlie_client: Client) -> None:
    page = charlie_client.post("/account/tokens/", {"name": "x", "expires_on": "2020-01-01"})
    assert b"This day is over." in page.content
    assert not ApiToken.objects.exists()


def test_an_administrator_makes_a_user_who_can_sign_in(alice_client: Client) -> None:
    alice_client.post("/users/new/", {"username": "dora", "role": "operator", "password": NEW})
    assert User.objects.get(username="dora").role == Role.OPERATOR
    assert log_in(Client(), NEW, "dora") == 302


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"username": "alice"}, "already exists"),
        ({"password": "short"}, "too short"),
        ({"role": "god"}, "not one of the available choices"),
    ],
)
def test_a_user_that_cannot_be_is_refused_at_the_field(
    change: dict[str, str], message: str, alice_client: Client
) -> None:
    values = {"username": "dora", "role": "viewer", "password": NEW, **change}
    page = alice_client.post("/users/new/", values).content.decode()
    assert message in page
    assert not User.objects.filter(username="dora").exists()


def test_a_role_changes_at_once(
    alice_client: Client, charlie: User, charlie_client: Client
) -> None:
    assert charlie_client.get("/rules/new/").status_code == 403
    alice_client.post(
        f"/users/{charlie.pk}/", {"username": "charlie", "role": "admin", "is_active": "on"}
    )
    assert charlie_client.get("/rules/new/").status_code == 200


@pytest.mark.parametrize("change", [{"role": "viewer", "is_active": "on"}, {"role": "admin"}])
def test_the_last_administrator_stays_one(
    change: dict[str, str], alice: User, alice_client: Client
) -> None:
    page = alice_client.post(f"/users/{alice.pk}/", {"username": "alice", **change})
    assert b"last active administrator" in page.content
    alice.refresh_from_db()
    assert alice.is_admin


def test_an_administrator_sets_a_password_which_ends_sessions(
    alice_client: Client, charlie: User, charlie_client: Client
) -> None:
    alice_client.post(f"/users/{charlie.pk}/password/", {"password": NEW})
    assert charlie_client.get("/").status_code == 302
    assert log_in(Client(), NEW) == 302


def test_a_form_that_comes_from_elsewhere_is_refused_with_a_page(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    response = strict.post("/rules/everything/")
    assert response.status_code == 403
    assert b"This form has expired" in response.content
