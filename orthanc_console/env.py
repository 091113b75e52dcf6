"""Settings from the environment, from `NAME_FILE`, or generated once into the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import environ
from cryptography.fernet import Fernet

env = environ.FileAwareEnv()


def stored_secret(path: Path, make: str) -> str:
    """Return the secret in `path`; the first call writes `make` there.

    The file is created exclusively, so that several processes that start at once agree on one secret.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(make)
    return make


def secret_key(data_dir: Path) -> str:
    """Django's SECRET_KEY: from the environment, else kept in the data folder."""
    given: str = env.str("SECRET_KEY", default="")
    return given or stored_secret(data_dir / "secret_key", secrets.token_urlsafe(50))


def field_keys(data_dir: Path) -> list[str]:
    """Keys of encrypted columns, newest first: from the environment, else kept in the data folder."""
    given: list[str] = env.list("FIELD_KEYS", default=[])
    return given or stored_secret(
        data_dir / "field_keys", Fernet.generate_key().decode("ascii")
    ).split(",")
