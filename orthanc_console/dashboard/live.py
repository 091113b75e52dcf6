"""Pages that keep one part of themselves fresh (see static/js/live.js)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers

from orthanc_console.accounts.access import SignedInRequest


def render_live(
    request: SignedInRequest, page: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """Render `page`, which includes `part`; or `part` alone when a script asks for it again."""
    template = part if request.htmx else page
    response = render(request, template, {**context, "live_part": part})
    # Both answers have one address; a browser must not show the part when somebody goes back.
    patch_vary_headers(response, ["HX-Request"])
    patch_cache_control(response, private=True, no_store=True)
    return response
