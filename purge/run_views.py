"""Pages of runs, and of what became of studies in them."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from orthanc_console.accounts.access import (
    SignedInRequest,
    admin_required,
    operator_required,
    viewer_required,
)
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.pagination import page_of
from purge.filters import PurgedStudyFilter, RunFilter
from purge.models import PurgedStudy, PurgeRun
from purge.models.run import Outcome, State
from purge.services import runs as services


@viewer_required
@require_safe
def purges(request: SignedInRequest) -> HttpResponse:
    found = RunFilter(request.GET, PurgeRun.objects.select_related("node", "policy"))
    valid = found.is_valid()
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "page": page_of(found.qs if valid else PurgeRun.objects.none(), request),
    }
    return render_live(request, "purge/runs.html", "purge/runs_part.html", context)


@viewer_required
@require_safe
def purge(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    run = get_object_or_404(PurgeRun.objects.select_related("node", "policy"), pk=pk)
    found = PurgedStudyFilter(request.GET, run.studies.select_related("study"))
    outcome = request.GET.get("outcome", "")
    context = {
        "run": run,
        "filter": found,
        "chips": chips(found, request.GET),
        "tabs": _tabs(run, outcome),
        "page": page_of(found.qs if found.is_valid() else run.studies.none(), request),
        "kept": sorted((run.summary.get("kept") or {}).items(), key=lambda each: -each[1]),
        "modalities": sorted((run.summary.get("modalities") or {}).items()),
        "cancellable": run.open and not run.cancelling and request.user.is_operator,
        "changeable": run.state == State.HELD and not run.cancelling and request.user.is_operator,
        "approvable": run.state == State.HELD
        and not run.cancelling
        and run.needs_approval
        and run.approved_at is None
        and request.user.is_admin,
    }
    return render_live(request, "purge/run.html", "purge/run_part.html", context)


def _tabs(run: PurgeRun, current: str) -> list[dict[str, object]]:
    tabs = [{"words": _("All"), "url": "?", "current": not current}]
    for value, words in Outcome.choices:
        query = QueryDict(mutable=True)
        query["outcome"] = value
        tabs.append({"words": words, "url": f"?{query.urlencode()}", "current": current == value})
    return tabs


@operator_required
@require_POST
def purge_cancel(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    return _act(request, pk, services.cancel, _("It is being stopped; what is not deleted stays."))


@admin_required
@require_POST
def purge_approve(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    return _act(
        request, pk, services.approve, _("It is approved and begins when its hold is over.")
    )


def _act(request: SignedInRequest, pk: uuid.UUID, act: services.Act, done: str) -> HttpResponse:
    run = get_object_or_404(PurgeRun.objects.select_related("node", "policy"), pk=pk)
    try:
        act(request.user, run)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, done)
    return redirect("purge", pk=pk)


@operator_required
@require_POST
def purge_keep(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the studies that were chosen out of a run that is held."""
    chosen = request.POST.getlist("chosen")
    count = len(chosen)
    if not chosen:
        messages.error(request, _("Choose studies first. Nothing was changed."))
        return redirect("purge", pk=pk)
    done = ngettext("%d study is kept.", "%d studies are kept.", count) % count
    return _act(request, pk, lambda user, run: services.keep(user, run, chosen), done)


@viewer_required
@require_safe
def purged_studies(request: SignedInRequest) -> HttpResponse:
    """What happened to a study, in all runs."""
    rows = PurgedStudy.objects.select_related("run", "run__node", "run__policy", "study")
    found = PurgedStudyFilter(request.GET, rows)
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "page": page_of(found.qs if found.is_valid() else rows.none(), request),
    }
    return render(request, "purge/studies.html", context)
