"""Changing users and API tokens; each change is in the audit trail."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import ApiToken, Role, User
from orthanc_console.audit import log

USER_FIELDS = ("username", "first_name", "last_name", "email", "role", "is_active")


@transaction.atomic
def create_user(actor: User | None, user: User, password: str, actor_name: str = "") -> User:
    """Save a new user.

    Args:
        actor: who does it; None from the command line, which `actor_name` then names.

    Raises:
        ValidationError: by field: a name that is taken or not allowed, a weak password.
    """
    _check_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    changes = log.difference({}, log.snapshot(user, USER_FIELDS))
    log.record(actor, "user.created", user, changes=changes, actor_name=actor_name)
    return user


@transaction.atomic
def update_user(actor: User, user: User) -> User:
    """Save changed fields of a user, but for the password.

    Raises:
        ValidationError: by field; or the last active administrator would be gone.
    """
    stored = User.objects.select_for_update().get(pk=user.pk)
    user.full_clean(exclude=["password"])
    if stored.is_admin and not user.is_admin:
        _keep_one_admin(stored)
    before = log.snapshot(stored, USER_FIELDS)
    user.save(update_fields=USER_FIELDS)
    changes = log.difference(before, log.snapshot(user, USER_FIELDS))
    if changes:
        log.record(actor, "user.changed", user, changes=changes)
    return user


@transaction.atomic
def set_password(actor: User, user: User, password: str) -> None:
    """Replace a password, which ends the user's other sessions.

    Raises:
        ValidationError: the password is too weak.
    """
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    log.record(actor, "user.password_changed", user)


@transaction.atomic
def issue_token(
    actor: User | None,
    user: User,
    name: str,
    expires_at: datetime | None = None,
    actor_name: str = "",
) -> tuple[ApiToken, str]:
    """Make an API token; returns it with its secret, which cannot be had again."""
    token, secret = ApiToken.issue(user, name, expires_at)
    message = _("for %(user)s") % {"user": user.get_username()}
    log.record(actor, "token.issued", token, message=message, actor_name=actor_name)
    return token, secret


@transaction.atomic
def revoke_token(actor: User, token: ApiToken) -> None:
    """Refuse the token from now on; it stays in the list."""
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        log.record(actor, "token.revoked", token)


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error


def _keep_one_admin(leaving: User) -> None:
    others = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    if not others.exclude(pk=leaving.pk).exists():
        raise ValidationError(
            _("This is the last active administrator. Make another user administrator first.")
        )
