"""Roles in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from orthanc_console.accounts.models import Role, User

if TYPE_CHECKING:
    from rest_framework.views import APIView


class RolePermission(BasePermission):
    """Anyone who is signed in reads; changing needs the role that the view names for its action.

    A viewset says so with `action_roles = {"echo": Role.OPERATOR}`; what it does not name needs an administrator.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        needed = required_role(request, view)
        self.message = REFUSALS[needed]
        return may(user, needed)


REFUSALS = {
    Role.VIEWER: _("Sign in first."),
    Role.OPERATOR: _("This needs the role operator or administrator."),
    Role.ADMIN: _("This needs the role administrator."),
}


def required_role(request: Request, view: APIView) -> Role:
    """The least role that may do what the request asks."""
    action = getattr(view, "action", None)
    roles: dict[str | None, Role] = getattr(view, "action_roles", {})
    default = Role.VIEWER if request.method in SAFE_METHODS else Role.ADMIN
    return roles.get(action, default)


def may(user: User, role: Role) -> bool:
    """Whether the user has that role or a higher one."""
    if role == Role.ADMIN:
        return user.is_admin
    return user.is_operator if role == Role.OPERATOR else user.is_active
