"""A text column that is encrypted in the database."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt with the newest of FIELD_KEYS."""
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Decrypt with any of FIELD_KEYS.

    Raises:
        cryptography.fernet.InvalidToken: none of the keys fits; a secret is never guessed or passed on encrypted.
    """
    return _fernet(tuple(settings.FIELD_KEYS)).decrypt(token.encode("ascii")).decode()


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Encrypts on the way into the database, decrypts on the way out; an empty text stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, *_args: object) -> str | None:
        return decrypt(value) if value else value
