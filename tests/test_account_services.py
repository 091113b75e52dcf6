"""Users and their tokens are changed with an audit event each, and one administrator always stays."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from orthanc_console.accounts import services
from orthanc_console.accounts.models import Role, User
from orthanc_console.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

GOOD = "a good long passphrase"


def last_event() -> AuditEvent:
    event = AuditEvent.objects.first()
    assert event is not None
    return event


def test_a_new_user_is_audited_without_the_password(alice: User) -> None:
    user = services.create_user(alice, User(username="dora", role=Role.VIEWER), GOOD)
    assert user.check_password(GOOD)
    event = last_event()
    assert (event.verb, event.object_name) == ("user.created", "dora")
    assert event.changes["role"] == [None, "viewer"]
    assert "password" not in event.changes


@pytest.mark.parametrize("password", ["short", "password1234", "83756298374", "dorothea1"])
def test_a_weak_password_is_refused(alice: User, password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_user(alice, User(username="dorothea", role=Role.VIEWER), password)
    assert list(refused.value.message_dict) == ["password"]


def test_a_changed_role_is_audited(alice: User, bob: User) -> None:
    bob.role = Role.VIEWER
    services.update_user(alice, bob)
    assert last_event().changes == {"role": ["operator", "viewer"]}
    count = AuditEvent.objects.count()
    services.update_user(alice, bob)
    assert AuditEvent.objects.count() == count


@pytest.mark.parametrize("change", [{"role": Role.VIEWER}, {"is_active": False}])
def test_the_last_administrator_stays(alice: User, bob: User, change: dict[str, object]) -> None:
    for field, value in change.items():
        setattr(alice, field, value)
    with pytest.raises(ValidationError, match="last active administrator"):
        services.update_user(bob, alice)
    alice.refresh_from_db()
    assert alice.is_admin


def test_one_of_two_administrators_may_go(alice: User, bob: User) -> None:
    bob.role = Role.ADMIN
    services.update_user(alice, bob)
    alice.is_active = False
    services.update_user(bob, alice)
    alice.refresh_from_db()
    assert not alice.is_active


def test_an_inactive_administrator_does_not_count(alice: User, bob: User) -> None:
    bob.role, bob.is_active = Role.ADMIN, False
    services.update_user(alice, bob)
    alice.role = Role.OPERATOR
    with pytest.raises(ValidationError):
        services.update_user(alice, alice)


def test_a_new_password_is_checked_and_audited(alice: User, bob: User) -> None:
    with pytest.raises(ValidationError):
        services.set_password(bob, bob, "short")
    services.set_password(alice, bob, GOOD)
    bob.refresh_from_db()
    assert bob.check_password(GOOD)
    assert last_event().verb == "user.password_changed"
    assert GOOD not in str(AuditEvent.objects.values())
