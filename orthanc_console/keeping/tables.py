"""Which tables a backup holds, and how their values become JSON and values again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps.registry import Apps
from django.db.models import Field, ForeignKey, Model

from orthanc_console.fields import EncryptedTextField, encrypt

# Everything of the console itself. Sessions, locks of sign-ins and what Django makes by itself are not missed.
APPS = ("accounts", "agent", "audit", "intercept", "keeping", "nodes", "purge", "routing")
# Of the moment only.
LEFT_OUT = ("purge.schedulerbeat",)

AnyField: TypeAlias = "Field[Any, Any]"


def models(apps: Apps) -> list[type[Model]]:
    """The models whose rows are kept, in an order that is always the same."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in APPS
        and model._meta.label_lower not in LEFT_OUT
        and not _is_of_another_app(model)
    ]
    return sorted(found, key=lambda model: model._meta.label_lower)


def _is_of_another_app(model: type[Model]) -> bool:
    """Links to Django's own groups and permissions, which the console does not use: the role decides."""
    return any(
        isinstance(field, ForeignKey) and field.target_field.model._meta.app_label == "auth"
        for field in model._meta.local_fields
    )


def stored_fields(model: type[Model]) -> list[AnyField]:
    return list(model._meta.local_concrete_fields)


def as_json(field: AnyField, value: Any) -> Any:
    """A value for the file; a secret stays encrypted, with the newest key."""
    if isinstance(field, EncryptedTextField):
        return encrypt(value) if value else value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


class Values:
    """Makes values of the file into what a model takes.

    Args:
        keys: those that may open its secrets.
        without_secrets: leave those empty that none of the keys opens.

    Attributes:
        emptied: what was left empty and has to be typed in again, in words.
    """

    def __init__(self, keys: Sequence[str], without_secrets: bool = False) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._without_secrets = without_secrets
        self.emptied: list[str] = []

    def row(self, fields: Sequence[AnyField], given: Sequence[Any]) -> list[Any]:
        """The values of a row. Raises as `value` does."""
        values = []
        for field, each in zip(fields, given, strict=True):
            try:
                values.append(self.value(field, each))
            except InvalidToken:
                if not self._without_secrets:
                    raise
                values.append("")
                # The previous secret of a webhook, which nobody types in, is no loss.
                if field.editable:
                    self._tell(field, fields, given)
        return values

    def _tell(self, field: AnyField, fields: Sequence[AnyField], row: Sequence[Any]) -> None:
        name = next(
            value for each, value in zip(fields, row, strict=True) if each.attname == "name"
        )
        self.emptied.append(f"{field.verbose_name} of {field.model._meta.verbose_name} “{name}”")

    def value(self, field: AnyField, given: Any) -> Any:
        """The value.

        Raises:
            ValidationError, ValueError: it is nothing that the field holds.
            cryptography.fernet.InvalidToken: none of the keys opens a secret.
        """
        if given is None:
            return None
        if isinstance(field, EncryptedTextField):
            return self._fernet.decrypt(given.encode()).decode() if given else given
        return field.to_python(given)
