"""What many tests share: a user of each role, their browsers and their API clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console.accounts.models import ApiToken, Role, User

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    # Throttles count in the cache.
    cache.clear()
    yield


@pytest.fixture(autouse=True)
def _no_private_tags_without_database(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The language asks the database for the site's private tags; most tests of the language have none."""
    databases = {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    if not databases and request.node.get_closest_marker("django_db") is None:
        monkeypatch.setattr("routing.language.symbols._site", dict)


@pytest.fixture
def alice(db: None) -> User:
    """An administrator."""
    return User.objects.create_user("alice", password=PASSWORD, role=Role.ADMIN)


@pytest.fixture
def bob(db: None) -> User:
    """An operator."""
    return User.objects.create_user("bob", password=PASSWORD, role=Role.OPERATOR)


@pytest.fixture
def charlie(db: None) -> User:
    """A viewer."""
    return User.objects.create_user("charlie", password=PASSWORD, role=Role.VIEWER)


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """Return Django's test client, logged in as a user."""

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def api_of() -> Callable[[User], APIClient]:
    """Return a client of the API with a token of the user."""

    def with_token(user: User) -> APIClient:
        _token, secret = ApiToken.issue(user, "test")
        return APIClient(headers={"Authorization": f"Bearer {secret}"})

    return with_token


@pytest.fixture
def alice_client(alice: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(alice)


@pytest.fixture
def bob_client(bob: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(bob)


@pytest.fixture
def charlie_client(charlie: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(charlie)


@pytest.fixture
def alice_api(alice: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(alice)


@pytest.fixture
def bob_api(bob: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(bob)


@pytest.fixture
def charlie_api(charlie: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(charlie)
