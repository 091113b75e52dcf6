"""What every endpoint of the API shares: strict bodies, and errors of services in the shapes of DRF."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ValidationError as ServiceError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from orthanc_console.accounts.models import User

M = TypeVar("M", bound=Model)
# Parameters of every list beside its filters.
PAGING = {"cursor", "page_size", "format"}


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {str(name) for name in data} - set(self.fields)
            if unknown:
                message = _("There is no such field.")
                raise exceptions.ValidationError({name: [message] for name in sorted(unknown)})
        return super().to_internal_value(data)


class StrictFilter(DjangoFilterBackend):  # type: ignore[misc]
    """Refuses parameters of a list that it does not know, so that a misspelt filter does not select everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[M], view: Any) -> QuerySet[M]:
        if not getattr(view, "detail", True) and request.method in SAFE_METHODS:
            filters = self.get_filterset_class(view, queryset)
            known = PAGING | set(filters.base_filters if filters else ())
            unknown = sorted(set(request.query_params) - known)
            if unknown:
                message = _("There is no such filter. There are: %(known)s.") % {
                    "known": ", ".join(sorted(known))
                }
                raise exceptions.ValidationError({name: [message] for name in unknown})
        found: QuerySet[M] = super().filter_queryset(request, queryset, view)
        return found


def actor(request: Request) -> User:
    """The user who calls. Endpoints are behind `RolePermission`, so there is one.

    Raises:
        NotAuthenticated: there is none after all.
    """
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler, which also knows the errors of services."""
    return exception_handler(as_api_error(error), context)


def as_api_error(error: Exception) -> Exception:
    """A service's `ValidationError` as one of DRF: by field where it names fields, else as `detail`."""
    if not isinstance(error, ServiceError):
        return error
    if hasattr(error, "error_dict"):
        by_field = {name: list(messages) for name, messages in error.message_dict.items()}
        if "__all__" in by_field:
            by_field["non_field_errors"] = by_field.pop("__all__")
        return exceptions.ValidationError(by_field)
    return exceptions.ValidationError({"detail": " ".join(error.messages)})
