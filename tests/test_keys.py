"""A console whose keys do not fit the database says so at its start."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from orthanc_console.accounts.models import User
from orthanc_console.agent.management.commands import serve
from tests.factories import make_modality

pytestmark = pytest.mark.django_db


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Do what `serve` does before it serves; returns what it says."""

    class NoServer:
        def __init__(self, options: dict[str, Any]) -> None:
            pass

        def run(self) -> None:
            pass

    monkeypatch.setattr(serve, "Server", NoServer)
    # The connection of the test has to stay open.
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    monkeypatch.setattr("django.db.connection.close_pool", lambda: None, raising=False)

    def run() -> str:
        said = StringIO()
        call_command("serve", stderr=said)
        return said.getvalue()

    return run


def test_keys_that_fit_are_not_worth_a_word(
    start: Callable[[], str], alice: User, browser_of: Callable[[User], Client]
) -> None:
    make_modality(password="secret")
    browser_of(alice)
    assert start() == ""


def test_a_field_key_that_is_missing_keeps_it_from_serving(
    start: Callable[[], str], settings: Any
) -> None:
    make_modality(password="secret")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match=r"FIELD_KEYS cannot decrypt destination\.password"):
        start()


def test_a_new_field_key_before_the_old_one_fits(start: Callable[[], str], settings: Any) -> None:
    make_modality(password="secret")
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    assert start() == ""


def test_another_secret_key_is_told(
    start: Callable[[], str],
    settings: Any,
    alice: User,
    browser_of: Callable[[User], Client],
) -> None:
    browser_of(alice)
    settings.SECRET_KEY = "another"
    assert "SECRET_KEY is not the one of the last sign-in" in start()
