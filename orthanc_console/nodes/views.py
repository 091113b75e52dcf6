"""Nodes: which Orthancs are attached, how they do, and how to attach another one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, admin_required, viewer_required
from orthanc_console.dashboard.forms import errors_in
from orthanc_console.dashboard.live import render_live
from orthanc_console.dashboard.wording import grouped
from orthanc_console.nodes import services
from orthanc_console.nodes.attach import Instructions
from orthanc_console.nodes.differences import differences
from orthanc_console.nodes.forms import NodeForm
from orthanc_console.nodes.models import ConfigRevision, Node
from orthanc_console.nodes.setting_words import settings_of
from routing.models import Destination, Rule, Study
from routing.models.rule import Enforcement

SHOWN = 10
RECENT = timedelta(hours=24)


@viewer_required
@require_safe
def nodes(request: SignedInRequest) -> HttpResponse:
    since = timezone.now() - RECENT
    lately = dict(
        Study.objects.filter(reported_at__gte=since)
        .order_by()
        .values_list("node")
        .annotate(Count("pk"))
    )
    rows = [(node, lately.get(node.pk, 0)) for node in Node.objects.all()]
    context = {"nodes": rows, "revision": ConfigRevision.current()}
    return render_live(request, "nodes/list.html", "nodes/list_part.html", context)


@viewer_required
@require_safe
def node(request: SignedInRequest, pk: int) -> HttpResponse:
    context = _picture(get_object_or_404(Node, pk=pk))
    return render_live(request, "nodes/detail.html", "nodes/detail_part.html", context)


def _picture(node: Node) -> dict[str, Any]:
    set_aside = node.events.exclude(problem="").order_by("-received_at")
    return {
        "node": node,
        "behind": max(ConfigRevision.current() - node.config_revision, 0),
        "settings": settings_of(node.status),
        "differences": differences(node),
        "lanes": node.lanes.select_related("destination"),
        "notices": node.events.filter(kind="node.notice", problem="").order_by("-seq")[:SHOWN],
        "set_aside": set_aside[:SHOWN],
        "set_aside_count": set_aside.count(),
    }


@admin_required
@never_cache
@require_http_methods(["GET", "POST"])
def node_create(request: SignedInRequest) -> HttpResponse:
    form = NodeForm(request.POST or None)
    if form.is_valid():
        with errors_in(form):
            node, secret = services.create(request.user, form.cleaned_data["name"])
            return _attach(request, node, secret)
    return render(request, "nodes/form.html", {"form": form})


@admin_required
@never_cache
@require_POST
def node_token(request: SignedInRequest, pk: int) -> HttpResponse:
    """Replace the token, and show how to attach with the new one."""
    node = get_object_or_404(Node, pk=pk)
    return _attach(request, node, services.new_token(request.user, node))


def _attach(request: SignedInRequest, node: Node, secret: str) -> HttpResponse:
    instructions = Instructions(
        console=request.build_absolute_uri("/").rstrip("/"),
        token=secret,
        download=request.build_absolute_uri("/agent/plugin.zip"),
    )
    context = {
        "node": node,
        "secret": secret,
        "instructions": instructions,
        "common_rules": Rule.objects.filter(nodes=None).exclude(enforcement=Enforcement.DISABLED),
        "common_destinations": Destination.objects.filter(nodes=None, gone_at=None, enabled=True),
    }
    return render(request, "nodes/attach.html", context)


@viewer_required
@require_safe
def node_state(request: SignedInRequest, pk: int) -> HttpResponse:
    """One line: whether the node has called yet. The attach page asks for it until it has."""
    node = get_object_or_404(Node, pk=pk)
    return render(request, "nodes/state.html", {"node": node})


@admin_required
@require_http_methods(["GET", "POST"])
def node_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    form = NodeForm(request.POST or None, initial={"name": node.name})
    if form.is_valid():
        with errors_in(form):
            services.rename(request.user, node, form.cleaned_data["name"])
            messages.success(request, _("The node is called %(name)s now.") % {"name": node})
            return redirect("node", pk=pk)
        node.refresh_from_db()
    return render(request, "nodes/form.html", {"form": form, "node": node})


@admin_required
@require_http_methods(["GET", "POST"])
def node_revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    if request.method == "POST":
        services.revoke_token(request.user, node)
        messages.success(request, _("%(name)s is refused from now on.") % {"name": node})
        return redirect("node", pk=pk)
    context = {
        "title": _("Revoke the token of %(name)s?") % {"name": node},
        "consequences": [
            _(
                "The console refuses this Orthanc at once: no reports, no commands, no new configuration."
            ),
            _("The Orthanc goes on forwarding by the rules that it has, and keeps its reports."),
            _("A new token lets it in again; nothing is lost meanwhile."),
        ],
        "button": _("Revoke the token"),
        "back_url": reverse("node", args=(pk,)),
    }
    return render(request, "confirm.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def node_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    refusal = ""
    if request.method == "POST":
        try:
            services.delete(request.user, node)
        except ValidationError as error:
            refusal = " ".join(error.messages)
        else:
            messages.success(request, _("The node %(name)s is deleted.") % {"name": node})
            return redirect("nodes")
    studies, deliveries = node.studies.count(), node.deliveries.count()
    found = node.destinations.filter(source="orthanc").count()
    context = {
        "title": _("Delete the node %(name)s?") % {"name": node},
        "refusal": refusal,
        "consequences": [
            _(
                "The console forgets %(studies)s and %(deliveries)s with their attempts and timelines."
            )
            % {
                "studies": ngettext("%s study", "%s studies", studies) % grouped(studies),
                "deliveries": ngettext("%s delivery", "%s deliveries", deliveries)
                % grouped(deliveries),
            },
            ngettext(
                "%d destination that was found in this Orthanc leaves the list.",
                "%d destinations that were found in this Orthanc leave the list.",
                found,
            )
            % found,
            _("Nothing is deleted in Orthanc itself, which goes on by the rules that it has."),
        ],
        "button": _("Delete the node and its history"),
        "back_url": reverse("node", args=(pk,)),
    }
    return render(request, "confirm.html", context)
