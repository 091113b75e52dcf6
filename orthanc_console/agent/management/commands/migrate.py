from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

# Any number that nothing else locks in this database.
LOCK = 7_042_042


class Command(migrate.Command):
    """Django's own command; of several consoles that start at once on one PostgreSQL, one migrates and the others wait."""

    def handle(self, *args: Any, **options: Any) -> None:
        with _one_at_a_time(options["database"]):
            super().handle(*args, **options)


@contextmanager
def _one_at_a_time(database: str) -> Iterator[None]:
    connection = connections[database]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
