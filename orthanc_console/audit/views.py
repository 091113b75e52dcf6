"""The audit trail: who did what, when, with the difference."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from orthanc_console.audit import log
from orthanc_console.audit.filters import AuditFilter
from orthanc_console.audit.models import AuditEvent
from orthanc_console.dashboard.filtering import chips
from orthanc_console.pagination import page_of


@viewer_required
@require_safe
def audit(request: SignedInRequest) -> HttpResponse:
    visible = log.visible_to(request.user)
    found = AuditFilter(request.GET, visible)
    valid = found.is_valid()
    there = visible.order_by()
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "verbs": _with(there.values_list("verb", flat=True), request.GET.get("verb", "")),
        "kinds": _with(
            there.exclude(object_type="").values_list("object_type", flat=True),
            request.GET.get("object_type", ""),
        ),
        "count": found.qs.count() if valid else None,
        "page": page_of(found.qs if valid else AuditEvent.objects.none(), request),
    }
    return render(request, "audit/list.html", context)


def _with(values: QuerySet[AuditEvent, str], chosen: str) -> list[str]:
    """What the trail has of these, in order, with what an address asks for."""
    return sorted({*values.distinct(), *([chosen] if chosen else [])})
