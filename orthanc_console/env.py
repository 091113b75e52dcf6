"""Settings from the environment, from `NAME_FILE`, or generated once into the data folder."""

from __future__ import annotations

import os
import secrets
import warnings
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"


class Env(environ.FileAwareEnv):  # type: ignore[misc]
    def get_value(self, var: str, cast: Any = None, *args: Any, **options: Any) -> Any:
        """The value of a variable.

        Raises:
            ImproperlyConfigured: its file cannot be read, or it is no number where one is wanted.
        """
        try:
            return super().get_value(var, cast, *args, **options)
        except OSError as error:
            raise ImproperlyConfigured(
                f"{var}_FILE names {error.filename}, which cannot be read: {error.strerror}. Nothing was done."
            ) from error
        except ValueError as error:
            wanted = "a whole number" if cast is int else "a text in UTF-8"
            raise ImproperlyConfigured(f"{var} has to be {wanted}. Nothing was done.") from error


env = Env()


def private_folder(path: Path) -> Path:
    """Make the folder for its owner alone, as what is in it names patients; one that is there stays as it is.

    Raises:
        ImproperlyConfigured: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {path} cannot be made: {error.strerror}. Make it, or name another one as DATA_DIR."
        ) from error
    return path


def database(data_dir: Path) -> dict[str, Any]:
    """Django's settings of the database: from DATABASE_URL, else SQLite in the data folder.

    A file that is not there yet is made for its owner alone; what SQLite puts beside it gets the same rights.

    Raises:
        ImproperlyConfigured: DATABASE_URL is something else, or the file cannot be made.
    """
    given: str = env.str("DATABASE_URL", default="").strip()
    try:
        with warnings.catch_warnings(action="ignore"):
            found: dict[str, Any] = env.db_url_config(
                given or f"sqlite:///{data_dir}/console.sqlite3"
            )
    except ValueError:
        found = {}
    if found.get("ENGINE") not in (SQLITE, POSTGRESQL) or not found["NAME"]:
        # The value itself may hold a password.
        raise ImproperlyConfigured(
            "DATABASE_URL is neither like postgres://user:password@host:5432/name nor like sqlite:////folder/file. "
            "Nothing was done."
        )
    if found["ENGINE"] == SQLITE and found["NAME"] != ":memory:":
        _private_file(Path(found["NAME"]))
    return found


def _private_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ImproperlyConfigured(
            f"The database {path} cannot be made: {error.strerror}. Nothing was done."
        ) from error


def stored_secret(path: Path, make: str) -> str:
    """Return the secret in `path`; the first call writes `make` there.

    The file is created exclusively, so that several processes that start at once agree on one secret.

    Raises:
        ImproperlyConfigured: it can be neither made nor read.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(make)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be made: {error.strerror}. Nothing was done."
        ) from error
    return make


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read: {error.strerror}. Nothing was done."
        ) from error


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
