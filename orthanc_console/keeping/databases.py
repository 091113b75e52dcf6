"""A second connection beside the console's own, and putting a whole new database in the place of the old one."""

from __future__ import annotations

import copy
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.introspection import TableInfo
from django.db.models import AutoField, Max, Model
from django.db.utils import load_backend

SNAPSHOT, FRESH = "snapshot", "fresh"


@contextmanager
def snapshot() -> Iterator[str]:
    """The alias of a connection that sees the database as it is now, while others go on writing."""
    settings = _own_settings()
    if _is_sqlite(settings):
        # A transaction that only reads must not take the turn of those that write.
        settings["OPTIONS"]["transaction_mode"] = "DEFERRED"
    with _connection(SNAPSHOT, settings), transaction.atomic(using=SNAPSHOT):
        if not _is_sqlite(settings):
            with connections[SNAPSHOT].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield SNAPSHOT


class Replacement:
    """An empty database beside the console's own.

    Attributes:
        alias: of the connection to it.
    """

    alias = FRESH

    def __init__(self, connection: BaseDatabaseWrapper, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def put_in_place(self) -> None:
        """Make its tables those of the console; those that were there before go. All at once, or not at all."""
        own = connections[DEFAULT_DB_ALIAS]
        if not self._schema:
            own.ensure_connection()
            self._connection.connection.backup(own.connection)
            return
        names = self._connection.introspection.table_names()
        quote = own.ops.quote_name
        target = quote(_own_schema())
        with transaction.atomic(), own.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP TABLE IF EXISTS {target}.{quote(name)} CASCADE")
            for name in names:
                source = f"{quote(self._schema)}.{quote(name)}"
                cursor.execute(f"ALTER TABLE {source} SET SCHEMA {target}")
            cursor.execute(
                "SELECT extname FROM pg_extension WHERE extnamespace = %s::regnamespace",
                [self._schema],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER EXTENSION {quote(name)} SET SCHEMA {target}")


@contextmanager
def replacement() -> Iterator[Replacement]:
    """A database to build, gone afterwards unless it was put in place: a file for SQLite, a schema for PostgreSQL."""
    settings = _own_settings()
    if _is_sqlite(settings):
        beside = Path(str(settings["NAME"])).parent
        with tempfile.TemporaryDirectory(prefix="restore-", dir=beside) as folder:
            settings["NAME"] = str(Path(folder) / "fresh.sqlite3")
            # Nobody needs it after a crash.
            settings["OPTIONS"]["init_command"] = (
                "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
            )
            with _connection(FRESH, settings) as connection:
                yield Replacement(connection, "")
        return
    schema = f"restore_{secrets.token_hex(4)}"
    # What extensions brought stands in the console's own schema.
    settings["OPTIONS"]["options"] = f"-c search_path={schema},{_own_schema()}"
    with _schema(schema), _connection(FRESH, settings) as connection:
        _show_only(schema, connection)
        yield Replacement(connection, schema)


def _own_schema() -> str:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def _show_only(schema: str, connection: BaseDatabaseWrapper) -> None:
    """Let Django see the tables of one schema alone, or it would take the console's own for them."""

    def get_table_list(cursor: Any) -> list[TableInfo]:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return [TableInfo(name, "t") for (name,) in cursor.fetchall()]

    connection.introspection.get_table_list = get_table_list  # type: ignore[method-assign]


@contextmanager
def _schema(name: str) -> Iterator[None]:
    own = connections[DEFAULT_DB_ALIAS]
    with own.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {own.ops.quote_name(name)}")
    try:
        yield
    finally:
        with own.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {own.ops.quote_name(name)} CASCADE")


@contextmanager
def _connection(alias: str, settings: dict[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    connection = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias)
    connections[alias] = connection
    try:
        yield connection
    finally:
        connection.close()
        del connections[alias]


def _own_settings() -> dict[str, Any]:
    settings = copy.deepcopy(connections[DEFAULT_DB_ALIAS].settings_dict)
    settings["OPTIONS"].pop("pool", None)
    return settings


def _is_sqlite(settings: dict[str, Any]) -> bool:
    return bool(settings["ENGINE"] == "django.db.backends.sqlite3")


def continue_numbering(alias: str, model: type[Model], skip: int = 0) -> None:
    """Let the database give out numbers after the highest that the table has.

    Args:
        skip: how many more are left out.
    """
    key = model._meta.pk
    if not isinstance(key, AutoField):
        return
    connection = connections[alias]
    table = model._meta.db_table
    highest = model._base_manager.using(alias).aggregate(highest=Max(key.attname))["highest"] or 0
    last = highest + skip
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
        else:
            sequence = "pg_get_serial_sequence(%s, %s)"
            name = connection.ops.quote_name(table)
            # Not called yet, it gives out exactly this number next.
            cursor.execute(
                f"SELECT setval({sequence}, %s, false)",
                [name, key.column, last + 1],
            )
