"""What a request leaves behind costs the next one nothing, although both use the same connection."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool")
def test_a_connection_that_was_given_back_in_a_transaction_serves_again(
    transactional_db: None,
) -> None:
    connection.set_autocommit(False)
    connection.close()
    for _ in range(10):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        connection.close()
