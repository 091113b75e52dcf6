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

R = TypeVar("R", bound=HttpResponseBase)


class SignedInRequest(HttpRequest):
    """What a view behind one of the decorators gets."""

    user: User
    htmx: HtmxDetails


def viewer_required(view: Callable[..., R]) -> Callable[..., R]:
    """Let everybody in who is signed in."""
    return _guarded(view, Role.VIEWER)


def operator_required(view: Callable[..., R]) -> Callable[..., R]:
    """Let operators and administrators in; others see which role is needed."""
    return _guarded(view, Role.OPERATOR)


def admin_required(view: Callable[..., R]) -> Callable[..., R]:
    """Let administrators in; others see which role is needed."""
    return _guarded(view, Role.ADMIN)


def _guarded(view: Callable[..., R], role: Role) -> Callable[..., R]:
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User) or not may(request.user, role):
            raise PermissionDenied(REFUSALS[role])
        return view(request, *args, **kwargs)

    return cast(Callable[..., R], guarded)
