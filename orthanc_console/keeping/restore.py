"""Reads a backup into an empty database, brings that to this version, and puts it in the place of the console's own.

Until the very last step nothing of the console's own database is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.apps.registry import Apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from orthanc_console.keeping import aftermath, keys, tables
from orthanc_console.keeping.archive import ArchiveError, Header, Reader, Table
from orthanc_console.keeping.backup import Progress
from orthanc_console.keeping.databases import continue_numbering, replacement

CHUNK = 1000
OR_WITHOUT = "With --without-secrets everything else is restored, and it is told which secrets have to be typed in again."
# What a console has before anybody has used it.
ALWAYS_THERE = ("nodes.configrevision", "purge.purgesettings", "keeping.retentionsettings")


class RestoreError(Exception):
    """Nothing was restored and nothing changed; the message says why."""


@dataclass(frozen=True)
class Choices:
    """What somebody wants of a restore.

    Attributes:
        check: build and check all of it, then leave the console as it is.
        replace: also when the console has data, which goes.
        without_secrets: leave secrets empty whose key is missing.
        keep_purging: let active purge policies delete without somebody having looked.
    """

    check: bool = False
    replace: bool = False
    without_secrets: bool = False
    keep_purging: bool = False


@dataclass(frozen=True)
class Restored:
    """What was restored, or would have been.

    Attributes:
        policies: names of the purge policies that are active.
        emptied: secrets that were left empty, in words.
    """

    version: str
    made_at: datetime
    rows: int
    policies: list[str]
    emptied: list[str]


def read(file: IO[bytes], passphrase: str, progress: Progress, choices: Choices) -> Restored:
    """Restore a backup.

    Args:
        passphrase: opens the keys that the backup holds; empty for those of this console.

    Raises:
        RestoreError: the file is unusable, its secrets cannot be opened, or the console has data. Nothing was changed.
    """
    try:
        reader = Reader(file)
        migrations = _known_migrations(reader.header)
        opening, missing = _keys(reader.header, passphrase)
        values = tables.Values(opening, choices.without_secrets)
        if not (choices.replace or choices.check) and (found := _data_of_its_own()):
            raise RestoreError(
                f"The console's database is not empty: it has rows in {', '.join(found)}. Restore into an empty one, or give "
                "--replace to let what it has go."
            )
        return _build(reader, migrations, values, progress, choices)
    except DatabaseError as error:
        raise RestoreError(f"The database refuses it: {error} Nothing was changed.") from error
    except (ArchiveError, ValidationError, ValueError) as error:
        raise RestoreError(f"{error} Nothing was changed.") from error
    except InvalidToken as error:
        why = missing or "A secret in the backup cannot be opened: the backup is damaged."
        raise RestoreError(f"{why} {OR_WITHOUT} Nothing was changed.") from error


def _build(
    reader: Reader,
    migrations: list[tuple[str, str]],
    values: tables.Values,
    progress: Progress,
    choices: Choices,
) -> Restored:
    made_at = datetime.fromisoformat(reader.header.made_at)
    with replacement() as fresh:
        connection = connections[fresh.alias]
        executor = MigrationExecutor(connection)
        executor.migrate(migrations)
        # The models as they were when the backup was made; what changed since is up to the migrations.
        then = executor.loader.project_state(migrations).apps
        with transaction.atomic(using=fresh.alias):
            rows = _load(reader, then, values, fresh.alias, progress)
            connection.check_constraints()
        for model in tables.models(then):
            continue_numbering(fresh.alias, model)
        call_command("migrate", database=fresh.alias, verbosity=0)
        policies = aftermath.settle(
            fresh.alias, made_at, reader.header.version, choices.keep_purging
        )
        if not choices.check:
            fresh.put_in_place()
    return Restored(reader.header.version, made_at, rows, policies, values.emptied)


def _known_migrations(header: Header) -> list[tuple[str, str]]:
    """The last migration of each app that the backup had.

    Raises:
        RestoreError: it had one that this console does not.
    """
    graph = MigrationExecutor(connections[DEFAULT_DB_ALIAS]).loader.graph
    applied = {(app, name) for app, name in header.migrations}
    if unknown := sorted(applied - graph.nodes.keys()):
        raise RestoreError(
            f"The backup was made by version {header.version}, which is newer than this console (it has {'.'.join(unknown[0])}). "
            "Install that version or a newer one, and restore with it. Nothing was changed."
        )
    followed = {
        parent.key
        for each in applied
        for parent in graph.node_map[each].parents
        if parent.key[0] == each[0]
    }
    return sorted(applied - followed)


def _keys(header: Header, passphrase: str) -> tuple[list[str], str]:
    """The keys that open the secrets, or else why they do not open any; there may be no secret to open.

    Raises:
        RestoreError: the passphrase is wrong.
    """
    own: list[str] = list(settings.FIELD_KEYS)
    if header.key in map(keys.fingerprint, own):
        return own, ""
    if header.keys is None:
        return own, (
            f"The secrets of the backup are encrypted with a key (fingerprint {header.key}) that neither of the two has. "
            "Add the FIELD_KEYS of the old console to those of this one, separated by a comma."
        )
    if not passphrase:
        return own, (
            "The secrets of the backup are encrypted with a key that this console does not have. The backup holds it, sealed: "
            "give its passphrase in BACKUP_PASSPHRASE."
        )
    try:
        return [*keys.unseal(header.keys, passphrase), *own], ""
    except keys.WrongPassphrase as error:
        raise RestoreError(
            "The passphrase does not open the keys of the backup. Nothing was changed."
        ) from error


def _data_of_its_own() -> list[str]:
    """Tables of the console that have rows; none when it has no tables."""
    connection = connections[DEFAULT_DB_ALIAS]
    there = set(connection.introspection.table_names())
    return [
        model._meta.label_lower
        for model in tables.models(apps)
        if model._meta.label_lower not in ALWAYS_THERE
        and model._meta.db_table in there
        and _has_rows(model)
    ]


def _has_rows(model: type[Model]) -> bool:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        quoted = connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)
        cursor.execute(f"SELECT 1 FROM {quoted} LIMIT 1")  # noqa: S608
        return cursor.fetchone() is not None


def _load(reader: Reader, then: Apps, values: tables.Values, alias: str, progress: Progress) -> int:
    loaders: list[_Loader] = []
    for part in reader.contents():
        if isinstance(part, Table):
            if loaders:
                loaders[-1].flush()
            loaders.append(_Loader(then, part, values, alias, progress))
        else:
            loaders[-1].add(part)
    if loaders:
        loaders[-1].flush()
    return sum(loader.done for loader in loaders)


class _Loader:
    """Writes the rows of one table, many at a time, past the models: times of making and changing stay as they were."""

    def __init__(
        self, then: Apps, table: Table, values: tables.Values, alias: str, progress: Progress
    ) -> None:
        self._connection = connections[alias]
        self._model = _model(then, table)
        self._fields = [_field(self._model, name) for name in table.fields]
        self._values, self._progress = values, progress
        self._waiting: list[list[Any]] = []
        self.done = 0
        quote = self._connection.ops.quote_name
        names = ", ".join(quote(field.column) for field in self._fields)
        marks = ", ".join(["%s"] * len(self._fields))
        self._insert = f"INSERT INTO {quote(self._model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608
        # A migration may have made rows, such as defaults.
        self._model._base_manager.using(alias).all().delete()

    def add(self, row: list[Any]) -> None:
        if len(row) != len(self._fields):
            raise ArchiveError("The backup is damaged: a row is too short or too long.")
        values = zip(self._fields, self._values.row(self._fields, row), strict=True)
        self._waiting.append([f.get_db_prep_save(v, self._connection) for f, v in values])
        if len(self._waiting) == CHUNK:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with self._connection.cursor() as cursor:
                cursor.executemany(self._insert, self._waiting)
        self.done += len(self._waiting)
        self._waiting.clear()
        self._progress(self._model._meta.label_lower, self.done)


def _model(then: Apps, table: Table) -> type[Model]:
    try:
        return then.get_model(table.model)
    except (LookupError, ValueError) as error:
        raise ArchiveError(f"The backup is damaged: it names a table {table.model}.") from error


def _field(model: type[Model], name: str) -> tables.AnyField:
    for field in tables.stored_fields(model):
        if field.attname == name:
            return field
    raise ArchiveError(f"The backup is damaged: it names a field {name} of {model._meta.label}.")
