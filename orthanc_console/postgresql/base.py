"""The database backend; Django looks for it by the name of this module."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection from a pool in which no dead one stays once one was met."""

    pool: ConnectionPool | None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection, and all dead ones out of the pool as soon as the first is met.

        The pool's own check meets them one by one, and waits longer after each: with ten of them in the pool, four
        requests after a restart of the server failed after five seconds each.

        Raises:
            psycopg.OperationalError: none was to be had within the pool's timeout, or twice that when the first was dead.
        """
        connection = super().get_new_connection(conn_params)
        if self.pool is None or _works(connection):
            return connection
        self.pool.putconn(connection)
        self.pool.check()
        return super().get_new_connection(conn_params)


def _works(connection: psycopg.Connection) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
