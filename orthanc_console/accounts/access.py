"""Roles in the pages: decorators for function views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from orthanc_console.accounts.models import Role, User
from orthanc_console.accounts.permissions import REFUSALS, may

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class SignedInRequest(HttpRequest):
    """What a view behind one of the decorators gets."""

    user: User
    htmx: HtmxDetails


def _needs(role: Role) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not isinstance(request.user, User) or not may(request.user, role):
                raise PermissionDenied(REFUSALS[role])
            return view(request, *args, **kwargs)

        return cast(View, guarded)

    return decorate


viewer_required = _needs(Role.VIEWER)
operator_required = _needs(Role.OPERATOR)
admin_required = _needs(Role.ADMIN)
