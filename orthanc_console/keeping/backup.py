"""Writes everything that a site would miss into one file, while the console runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.utils import timezone

from orthanc_console.keeping import keys, tables
from orthanc_console.keeping.archive import Header, Writer
from orthanc_console.keeping.databases import snapshot
from orthanc_console.keys import unreadable
from orthanc_console.version import VERSION

CHUNK = 2000
# Called with the name of a table and the number of its rows that are done.
Progress = Callable[[str, int], None]


class BackupError(Exception):
    """No backup can be made; the message says why."""


def write(file: IO[bytes], passphrase: str, progress: Progress) -> dict[str, int]:
    """Write a backup of the database as it is at this moment.

    Args:
        passphrase: seals the keys of the secrets into the file; empty leaves the keys out.

    Returns:
        The number of rows of each table.

    Raises:
        BackupError: the database is not of this version, or none of FIELD_KEYS opens its secrets.
    """
    with snapshot() as alias:
        writer = Writer(file, _header(alias, passphrase))
        counts = {
            model._meta.label_lower: _write_table(writer, model, alias, progress)
            for model in tables.models(apps)
        }
        writer.close()
    return counts


def _write_table(writer: Writer, model: type[Model], alias: str, progress: Progress) -> int:
    label, fields = model._meta.label_lower, tables.stored_fields(model)
    names = [field.attname for field in fields]
    writer.table(label, names)
    rows = model._base_manager.using(alias).order_by("pk").values_list(*names)
    done = 0
    for row in rows.iterator(chunk_size=CHUNK):
        writer.row([tables.as_json(f, v) for f, v in zip(fields, row, strict=True)])
        done += 1
        if done % CHUNK == 0:
            progress(label, done)
    return done


def _header(alias: str, passphrase: str) -> Header:
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupError(
            "The database is of another version than this console. Run “manage.py migrate” first, or use the other version."
        )
    if column := unreadable():
        raise BackupError(
            f"FIELD_KEYS cannot decrypt {column} in this database. Give this console the keys with which it was written."
        )
    applied = [list(each) for each in executor.loader.applied_migrations if each[0] in tables.APPS]
    return Header(
        version=VERSION,
        made_at=timezone.now().isoformat(),
        migrations=sorted(applied),
        key=keys.fingerprint(settings.FIELD_KEYS[0]),
        keys=keys.seal(settings.FIELD_KEYS, passphrase) if passphrase else None,
    )
