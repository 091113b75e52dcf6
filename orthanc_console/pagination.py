"""Pages of long lists by cursor: as fast on the last page as on the first, and steady while rows arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

M = TypeVar("M", bound=Model)
R = TypeVar("R")


class NewestFirst(CursorPagination):
    """`{"next", "previous", "results"}` in the order of the model, which is newest first for what happens."""

    page_size_query_param = "page_size"
    max_page_size = 500

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        return tuple(str(field) for field in queryset.model._meta.ordering)

    def paginate_queryset(
        self, queryset: QuerySet[M, R], request: Request, view: Any = None
    ) -> list[R] | None:
        """One page.

        Raises:
            NotFound: the cursor is not one of ours; DRF itself sees that only of its outer form.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, DataError) as error:
            raise NotFound(self.invalid_cursor_message) from error


@dataclass(frozen=True)
class Page(Generic[M]):
    """One page of a list; `next` and `previous` are query strings such as `?cursor=...`, or empty."""

    results: list[M]
    next: str
    previous: str


def page_of(queryset: QuerySet[M], request: HttpRequest, size: int | None = None) -> Page[M]:
    """The page that the request's `cursor` names; the first one when the cursor is not valid any more."""
    pagination = NewestFirst()
    if size is not None:
        pagination.page_size_query_param = ""
        pagination.page_size = size
    try:
        results = pagination.paginate_queryset(queryset, Request(request))
    except NotFound:
        first = request.GET.copy()
        first.pop("cursor", None)
        request.GET = first  # type: ignore[assignment]
        return page_of(queryset, request, size)
    return Page(
        results or [], _query(pagination.get_next_link()), _query(pagination.get_previous_link())
    )


def _query(link: str | None) -> str:
    return f"?{urlsplit(link).query}" if link else ""
