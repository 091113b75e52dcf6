"""Studies: find one, and see what happened to it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, operator_required, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.pagination import page_of
from routing.filters import StudyFilter
from routing.forms import SendForm
from routing.models import Destination, Study
from routing.services import deliveries as services
from routing.timeline import timeline


@viewer_required
@require_safe
def studies(request: SignedInRequest) -> HttpResponse:
    found = StudyFilter(request.GET, Study.objects.select_related("node"))
    valid = found.is_valid()
    page = page_of(
        found.qs.prefetch_related("deliveries") if valid else Study.objects.none(), request
    )
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "count": found.qs.count() if valid else None,
        "page": page,
    }
    return render(request, "studies/list.html", context)


@viewer_required
@require_safe
def study(request: SignedInRequest, pk: int) -> HttpResponse:
    study = get_object_or_404(Study.objects.select_related("node"), pk=pk)
    context = {
        "study": study,
        "moments": timeline(study),
        "deliveries": study.deliveries.select_related(
            "destination", "node", "study"
        ).prefetch_related("rule_links"),
        "destinations": _possible(study) if request.user.is_operator else [],
    }
    return render_live(request, "studies/detail.html", "studies/detail_part.html", context)


def _possible(study: Study) -> list[Destination]:
    """Where the study's node may send it."""
    rows = Destination.objects.filter(enabled=True, gone_at=None)
    return list(rows.filter(Q(nodes=None) | Q(nodes=study.node)).distinct())


@operator_required
@require_POST
def study_send(request: SignedInRequest, pk: int) -> HttpResponse:
    study = get_object_or_404(Study.objects.select_related("node"), pk=pk)
    form = SendForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a destination. Nothing was sent."))
        return redirect("study", pk=pk)
    destination = form.cleaned_data["destination"]
    try:
        services.send(request.user, study, destination)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _asked(study, destination))
    return redirect("study", pk=pk)


def _asked(study: Study, destination: Destination) -> str:
    names = {"node": study.node, "destination": destination}
    if study.node.online:
        return (
            _("%(node)s is asked to send it to %(destination)s; the delivery appears below.")
            % names
        )
    return (
        _("%(node)s is offline. It will send the study to %(destination)s when it is back.") % names
    )
