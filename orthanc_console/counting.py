"""Counts for pages. Of long lists only the first rows are counted: how many more there are would take seconds to find out."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import IntegerField, Model, QuerySet, Subquery

MOST_COUNTED = 1000


class _CountOf(Subquery):
    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def counted(rows: QuerySet[Any]) -> int:
    """How many rows there are, up to one more than `MOST_COUNTED`."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def counted_by(rows: QuerySet[Any], column: str) -> dict[str, int] | None:
    """How often each value of a column occurs; None when there are more than `MOST_COUNTED` rows."""
    values = list(rows.order_by().values_list(column, flat=True)[: MOST_COUNTED + 1])
    return None if len(values) > MOST_COUNTED else Counter(values)


def counted_each(model: type[Model], lists: dict[str, QuerySet[Any]]) -> dict[str, int]:
    """`counted` for several lists by name, in one query; `model` is any whose table has rows when the lists have."""
    counts = {
        name: _CountOf(rows.order_by().values("pk")[: MOST_COUNTED + 1])
        for name, rows in lists.items()
    }
    rows = model._default_manager.order_by().annotate(**counts).values(*lists)
    return next(iter(rows[:1]), dict.fromkeys(lists, 0))
