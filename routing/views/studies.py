"""Studies: find one, and see what happened to it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, operator_required, viewer_required
from orthanc_console.counting import counted
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in
from orthanc_console.dashboard.live import render_live
from orthanc_console.dashboard.wording import grouped
from orthanc_console.pagination import page_of
from purge.models.run import purged_lines
from routing import decisions
from routing.by_hand import senders
from routing.filters import StudyFilter
from routing.forms import SendForm
from routing.models import Destination, Rule, Study
from routing.models.rule import Priority
from routing.services import sending
from routing.timeline import folded, timeline
from routing.views.deliveries import back_to
from routing.why import tell


@viewer_required
@require_safe
def studies(request: SignedInRequest) -> HttpResponse:
    rows = Study.objects.defer("facts", "search_text").prefetch_related("node")
    found = StudyFilter(request.GET, rows)
    valid = found.is_valid()
    page = page_of(
        found.qs.prefetch_related("deliveries") if valid else Study.objects.none(), request
    )
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "count": counted(found.qs) if valid else None,
        "page": page,
        "query": request.GET.urlencode(),
        "destinations": Destination.objects.filter(enabled=True, gone_at=None),
    }
    return render(request, "studies/list.html", context)


@viewer_required
@require_safe
def study(request: SignedInRequest, pk: int) -> HttpResponse:
    study = get_object_or_404(Study.objects.select_related("node"), pk=pk)
    moments = timeline(study)
    deliveries = tell(study.deliveries.select_related("destination", "node"))
    context = {
        "study": study,
        "moments": folded(moments),
        "purged": purged_lines(study),
        "decided": decisions.newest(study, moments),
        "rules_there": set(Rule.objects.values_list("pk", flat=True)),
        "deliveries": deliveries,
        "senders": senders(study, deliveries),
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
        sent = sending.send_one(request.user, study, destination)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if sent.ok is False:
            messages.error(request, sent.detail)
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


@operator_required
@require_POST
def studies_chosen(request: SignedInRequest) -> HttpResponse:
    """Send the studies that were ticked."""
    back = back_to(request, reverse("studies"))
    form = SendForm(request.POST)
    try:
        keys = [int(each) for each in request.POST.getlist("chosen")]
    except ValueError as error:
        raise Http404 from error
    if not form.is_valid() or not keys:
        messages.error(request, _("Choose studies and a destination. Nothing was sent."))
        return redirect(back)
    rows = Study.objects.filter(pk__in=keys).select_related("node")
    try:
        report = sending.send(request.user, rows, form.cleaned_data["destination"])
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(back)
    return redirect("act", pk=report.act.pk)


@operator_required
@require_http_methods(["GET", "POST"])
def studies_all(request: SignedInRequest) -> HttpResponse:
    """Send everything that a filter matches, after a page that says how much that is."""
    found = StudyFilter(request.GET, Study.objects.filter(deleted_at=None))
    if not found.is_valid():
        return redirect("studies")
    form = SendForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        rows = found.qs.select_related("node").iterator(chunk_size=500)
        with errors_in(form):
            destination = form.cleaned_data["destination"]
            report = sending.send(request.user, rows, destination, Priority.LOW)
            return redirect("act", pk=report.act.pk)
    totals = found.qs.aggregate(
        count=Count("pk"), images=Sum("instance_count"), size=Sum("size_bytes")
    )
    count = totals["count"]
    context = {
        "title": ngettext("Send %s study?", "Send %s studies?", count) % grouped(count),
        "form": form,
        "chips": chips(found, request.GET),
        "totals": totals,
        "button": ngettext("Send %s study", "Send %s studies", count) % grouped(count)
        if count
        else "",
        "harmless": bool(count),
        "back_url": f"{reverse('studies')}?{request.GET.urlencode()}",
    }
    return render(request, "studies/all.html", context)
