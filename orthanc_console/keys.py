"""Do the keys of this console fit its database? Several consoles on one database need the same ones."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db.models import Field, Model
from django.utils import timezone

from orthanc_console.fields import EncryptedTextField


def unreadable() -> str:
    """A column whose newest value none of FIELD_KEYS decrypts, as `model.column`; empty when all can be read."""
    for model, field in _encrypted():
        newest = model._default_manager.exclude(**{field.name: ""}).order_by("-pk")
        try:
            newest.values_list(field.name).first()
        except InvalidToken:
            return f"{model._meta.model_name}.{field.name}"
    return ""


def signed_by_another() -> bool:
    """Whether the newest sign-in was with another SECRET_KEY."""
    newest = Session.objects.filter(expire_date__gt=timezone.now()).order_by("-expire_date").first()
    return newest is not None and not newest.get_decoded()


def _encrypted() -> Iterator[tuple[type[Model], Field]]:  # type: ignore[type-arg]
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field
