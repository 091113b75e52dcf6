"""Connections to the database are few; who waits gives its own back."""

from __future__ import annotations

from django.db import connection


def give_back_connection() -> None:
    """Give the thread's connection back until it is needed again; inside a transaction it is kept."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
