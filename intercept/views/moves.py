"""C-MOVEs: who asked for what, where to, and what became of it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from intercept import export
from intercept.filters import MoveFilter
from intercept.glance import last_hour
from intercept.models import MoveRequest
from orthanc_console.accounts.access import SignedInRequest, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.pagination import page_of

# Filters that the bar over the list has no field for, and must not lose.
KEPT = ("study",)


@viewer_required
@require_safe
def moves(request: SignedInRequest) -> HttpResponse:
    found = MoveFilter(request.GET, MoveRequest.objects.select_related("node", "study"))
    valid = found.is_valid()
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "page": page_of(found.qs if valid else MoveRequest.objects.none(), request),
        "query": request.GET.urlencode(),
        "kept": [(name, value) for name in KEPT for value in request.GET.getlist(name)],
        "glance": last_hour(),
    }
    return render_live(request, "intercept/moves.html", "intercept/moves_part.html", context)


@viewer_required
@require_safe
def moves_export(request: SignedInRequest) -> HttpResponseBase:
    """What the filters select, as a file for a spreadsheet."""
    found = MoveFilter(request.GET, MoveRequest.objects.all())
    return export.as_csv(found.qs) if found.is_valid() else redirect("moves")


@viewer_required
@require_safe
def move(request: SignedInRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(MoveRequest.objects.select_related("node", "study"), pk=pk)
    context = {"move": found, "webhooks": found.deliveries.select_related("node", "target")}
    return render_live(request, "intercept/move.html", "intercept/move_part.html", context)
