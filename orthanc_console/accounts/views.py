from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer a log-in that is refused because too many failed before it."""
    return HttpResponse(
        _("Too many failed log-ins. Try again in a quarter of an hour."), status=429
    )
