"""The audit trail: who did what, when, with the difference."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from orthanc_console.audit.filters import AuditFilter
from orthanc_console.audit.models import AuditEvent
from orthanc_console.dashboard.filtering import chips
from orthanc_console.pagination import page_of


@viewer_required
@require_safe
def audit(request: SignedInRequest) -> HttpResponse:
    found = AuditFilter(request.GET, AuditEvent.objects.all())
    valid = found.is_valid()
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "count": found.qs.count() if valid else None,
        "page": page_of(found.qs if valid else AuditEvent.objects.none(), request),
    }
    return render(request, "audit/list.html", context)
