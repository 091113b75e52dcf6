"""What it means that the database fails, in words."""

from __future__ import annotations

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

# Of PostgreSQL: it cannot be reached, shuts down or starts, or has no connection left.
AWAY = ("08", "57P", "53300")
SECONDS = 5


def is_away(error: BaseException) -> bool:
    """Whether PostgreSQL does not answer, rather than refusing something."""
    if connection.vendor != "postgresql":
        return False
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    # Without a state nothing came back at all.
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(AWAY)


def explain(error: Error) -> str:
    """One sentence for the command line, never with the password; empty where it is nothing ordinary."""
    if is_away(error):
        settings = connection.settings_dict
        where = f"{settings['HOST'] or 'the local socket'}, port {settings['PORT'] or 5432}"
        return f"PostgreSQL does not answer at {where}: {_reason()}"
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "The database is not of this version: run the command “migrate” first."
    return ""


def _reason() -> str:
    """What a connection of its own says: the pool tells only that it waited."""
    try:
        params = {**connection.get_connection_params(), "connect_timeout": SECONDS}
        psycopg.connect(**params).close()
    except psycopg.OperationalError as error:
        return str(error).partition("\n")[0]
    return "it was away for a moment."
