"""The commands of the contract: the new secret is the last line of standard output."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from orthanc_console import tokens
from orthanc_console.accounts.models import ApiToken, User
from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Node

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery staple"


def run(name: str, *arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_create_user_takes_the_password_from_the_environment(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", GOOD)
    out, err = run("create_user", "dora", "--role", role)
    user = User.objects.get()
    assert user.role == role and user.check_password(GOOD)
    assert GOOD not in out + err
    assert AuditEvent.objects.get().actor_name == "command line"


def test_create_user_refuses_a_weak_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", "abc")
    with pytest.raises(CommandError, match=r"too short.*Nothing was changed"):
        run("create_user", "dora", "--role", "admin")
    assert not User.objects.exists()


def test_create_user_asks_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSOLE_PASSWORD", raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: GOOD)
    run("create_user", "dora", "--role", "viewer")
    assert User.objects.get().check_password(GOOD)


@pytest.mark.parametrize("typed", [["", ""], [GOOD, "other"], ["abc", "abc"]])
def test_create_user_refuses_what_is_typed_wrong_or_weak(
    typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSOLE_PASSWORD", raising=False)
    answers = iter(typed)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError):
        run("create_user", "dora", "--role", "viewer")
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["alice", "Al ice", "", "x" * 151])
def test_create_user_refuses_a_name_that_is_taken_or_wrong(
    name: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", GOOD)
    with pytest.raises(CommandError):
        run("create_user", name, "--role", "admin")
    assert User.objects.count() == 1


def test_create_user_needs_a_known_role() -> None:
    for arguments in (["dora"], ["dora", "--role", "root"]):
        with pytest.raises(CommandError):
            run("create_user", *arguments)


def test_create_user_first_makes_only_the_first_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", GOOD)
    run("create_user", "admin", "--role", "admin", "--first")
    run("create_user", "other", "--role", "admin", "--first")
    assert [user.username for user in User.objects.all()] == ["admin"]


def test_create_api_token_prints_only_the_secret(alice: User) -> None:
    out, err = run("create_api_token", "alice")
    [secret] = out.splitlines()
    token = ApiToken.objects.get()
    assert token.digest == tokens.digest(secret) and token.user == alice
    assert secret not in err


def test_create_api_token_needs_a_user(db: None) -> None:
    with pytest.raises(CommandError, match="no user nobody"):
        run("create_api_token", "nobody")


def test_create_node_prints_only_the_secret() -> None:
    out, err = run("create_node", "main")
    [secret] = out.splitlines()
    assert Node.objects.get().token_digest == tokens.digest(secret)
    assert secret not in err


@pytest.mark.parametrize("name", ["main", "", "x" * 65])
def test_create_node_refuses_a_name_that_is_taken_or_wrong(name: str) -> None:
    run("create_node", "main")
    with pytest.raises(CommandError):
        run("create_node", name)
    assert Node.objects.count() == 1


def test_create_node_keeps_the_token_in_a_file(tmp_path: Path) -> None:
    out, err = run("create_node", "main", "--token-file", str(tmp_path / "token"))
    secret = (tmp_path / "token").read_text()
    assert Node.objects.get().token_digest == tokens.digest(secret)
    assert secret not in out + err
    assert (tmp_path / "token").stat().st_mode & 0o007 == 0


def test_create_node_again_with_its_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "token"
    run("create_node", "main", "--token-file", str(file))
    before, events = file.read_text(), AuditEvent.objects.count()
    run("create_node", "main", "--token-file", str(file))
    assert file.read_text() == before and AuditEvent.objects.count() == events
    assert Node.objects.get().token_digest == tokens.digest(before)


@pytest.mark.parametrize("content", [None, "ocn_of_another_database"])
def test_create_node_renews_a_token_that_its_file_does_not_have(
    content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    run("create_node", "main")
    if content is not None:
        file.write_text(content)
    _out, err = run("create_node", "main", "--token-file", str(file))
    assert "the token before is void now" in err
    assert Node.objects.get().token_digest == tokens.digest(file.read_text())
    assert AuditEvent.objects.filter(verb="node.token_replaced", actor_name="command line").exists()


def test_create_node_leaves_a_revoked_token_revoked(tmp_path: Path) -> None:
    file = tmp_path / "token"
    run("create_node", "main", "--token-file", str(file))
    Node.objects.get().revoke_token()
    _out, err = run("create_node", "main", "--token-file", str(file))
    assert Node.objects.get().token_digest is None and "was revoked" in err


def test_create_node_tells_when_the_file_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="could not be kept"):
        run("create_node", "main", "--token-file", str(tmp_path / "none" / "token"))
