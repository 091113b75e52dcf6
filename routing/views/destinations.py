"""Where studies can be sent: list, page, form, and the acts of operators."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import (
    SignedInRequest,
    admin_required,
    operator_required,
    viewer_required,
)
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in
from orthanc_console.dashboard.live import render_live
from orthanc_console.nodes.models import Node
from routing import explain, twins
from routing.echoes import failed as echoes_failed
from routing.filters import DestinationFilter
from routing.forms import DestinationForm
from routing.models import Destination, Lane
from routing.models.destination import Kind, Source
from routing.services import destinations as services
from routing.views.deliveries import back_to
from routing.why import tell

RECENT = 10


def _health(destination: Destination) -> str:
    """The health that pages show: also what is switched off, or gone from its Orthanc."""
    if destination.gone_at is not None:
        return "gone"
    return services.health(destination) if destination.enabled else "disabled"


def _with_lanes(rows: QuerySet[Destination]) -> list[Destination]:
    lanes = Prefetch("lanes", Lane.objects.select_related("node"))
    found = list(rows.prefetch_related(lanes, "nodes", "rules"))
    echoes = echoes_failed(found)
    alike = twins.twins(Destination.objects.prefetch_related("nodes"))
    for row in found:
        row.condition = _health(row)  # type: ignore[attr-defined]
        row.twins = alike.get(row.pk, [])  # type: ignore[attr-defined]
        row.failed_echo = None  # type: ignore[attr-defined]
        if row.condition in ("ok", "unknown") and row.pk in echoes:  # type: ignore[attr-defined]
            row.condition, row.failed_echo = "no_echo", echoes[row.pk]  # type: ignore[attr-defined]
        row.complaint = services.last_error(row)  # type: ignore[attr-defined]
        row.advice = services.explained(row)  # type: ignore[attr-defined]
    return found


@viewer_required
@require_safe
def destinations(request: SignedInRequest) -> HttpResponse:
    found = DestinationFilter(request.GET, Destination.objects.all())
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "destinations": _with_lanes(found.qs) if found.is_valid() else [],
    }
    return render_live(request, "destinations/list.html", "destinations/list_part.html", context)


@viewer_required
@require_safe
def destination(request: SignedInRequest, pk: int) -> HttpResponse:
    rows = _with_lanes(Destination.objects.filter(pk=pk))
    if not rows:
        return redirect("destinations")
    deliveries = rows[0].deliveries.select_related("study", "node", "destination")
    context = {
        "destination": rows[0],
        "deliveries": tell(deliveries.prefetch_related("rule_links")[:RECENT]),
    }
    return render_live(
        request, "destinations/detail.html", "destinations/detail_part.html", context
    )


@admin_required
@require_http_methods(["GET", "POST"])
def destination_create(request: SignedInRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    kind = kind if kind in Kind.values else Kind.MODALITY
    form = DestinationForm(request.POST or None, initial={"kind": kind})
    if form.is_valid():
        with errors_in(form):
            made = services.save(
                request.user, form.save(commit=False), nodes=form.cleaned_data["nodes"]
            )
            messages.success(
                request, _("%(name)s is there now. Echo tells whether it answers.") % {"name": made}
            )
            _warn_of_twins(request, made)
            return redirect("destination", pk=made.pk)
    return render(request, "destinations/form.html", {"form": form})


def _warn_of_twins(request: SignedInRequest, destination: Destination) -> None:
    names = ", ".join(str(each) for each in twins.of(destination))
    if names:
        words = _(
            "%(names)s has the same address. A study that rules send to both is sent there twice."
        )
        messages.warning(request, words % {"names": names})


@admin_required
@require_http_methods(["GET", "POST"])
def destination_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(Destination, pk=pk)
    form = DestinationForm(request.POST or None, instance=destination)
    if form.is_valid():
        with errors_in(form):
            services.save(
                request.user, form.save(commit=False), nodes=form.cleaned_data.get("nodes")
            )
            messages.success(request, _("%(name)s is saved.") % {"name": destination})
            _warn_of_twins(request, destination)
            return redirect("destination", pk=pk)
    stored = Destination.objects.get(pk=pk)
    stored.twins = twins.of(stored)  # type: ignore[attr-defined]
    return render(request, "destinations/form.html", {"form": form, "destination": stored})


@admin_required
@require_http_methods(["GET", "POST"])
def destination_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(Destination, pk=pk)
    rules = list(destination.rules.all())
    refusal = ""
    if request.method == "POST":
        try:
            services.delete(request.user, destination)
        except ValidationError as error:
            refusal = " ".join(error.messages)
        else:
            messages.success(request, _("%(name)s is deleted.") % {"name": destination})
            return redirect("destinations")
    found = destination.source == Source.ORTHANC and destination.gone_at is None
    waiting = destination.deliveries.filter(state__in=("waiting", "sending", "held")).count()
    context = {
        "title": _("Delete the destination %(name)s?") % {"name": destination},
        "refusal": refusal,
        "destination": destination,
        "rules": rules,
        "found": found,
        "waiting": waiting,
        "button": "" if rules or found else _("Delete %(name)s") % {"name": destination},
        "back_url": reverse("destination", args=(pk,)),
    }
    return render(request, "destinations/delete.html", context)


@operator_required
@require_POST
def destination_pause(request: SignedInRequest, pk: int) -> HttpResponse:
    return _set_paused(request, pk, True)


@operator_required
@require_POST
def destination_resume(request: SignedInRequest, pk: int) -> HttpResponse:
    return _set_paused(request, pk, False)


def _set_paused(request: SignedInRequest, pk: int, paused: bool) -> HttpResponse:
    destination = get_object_or_404(Destination, pk=pk)
    services.set_paused(request.user, destination, paused)
    if paused:
        message = _("%(name)s is paused. What would be sent there waits until you resume it.")
    else:
        message = _("%(name)s is used again; what waited is sent now.")
    messages.success(request, message % {"name": destination})
    return redirect(back_to(request, reverse("destination", args=(pk,))))


@operator_required
@require_POST
def destination_echo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask the destination whether it is there; inline with scripts, as a page of its own without."""
    destination = get_object_or_404(Destination, pk=pk)
    wanted = request.POST.get("node", "")
    node = get_object_or_404(Node, pk=wanted) if wanted.isdecimal() else None
    echo = services.echo(request.user, destination, node)
    asked = node or Node.objects.filter(name=echo.node).first()
    about = explain.about(asked.status if asked else {}, destination)
    context = {
        "destination": destination,
        "echo": echo,
        "advice": None if echo.ok or not echo.detail else explain.error(echo.detail, about=about),
    }
    template = "destinations/echo.html" if request.htmx else "destinations/echo_page.html"
    return render(request, template, context)
