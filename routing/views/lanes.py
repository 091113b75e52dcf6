"""Lanes: what each node sends where at this moment, what waits, and why."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from orthanc_console.accounts.access import SignedInRequest, operator_required, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.dashboard.wording import grouped
from orthanc_console.nodes.models import Node
from routing.filters import LaneFilter
from routing.models import Destination
from routing.services import deliveries
from routing.services import lanes as services


@viewer_required
@require_safe
def lanes(request: SignedInRequest) -> HttpResponse:
    found = LaneFilter(request.GET, services.rows())
    shown = services.overviews(list(found.qs)) if found.is_valid() else []
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "overviews": shown,
        "day_ago": (timezone.now() - timedelta(days=1)).isoformat(timespec="minutes"),
    }
    return render_live(request, "lanes/list.html", "lanes/list_part.html", context)


@operator_required
@require_http_methods(["GET", "POST"])
def destination_drain(request: SignedInRequest, pk: int) -> HttpResponse:
    """Cancel all that waits for a destination, of the node that `?node=` names or of all, after saying how much that is."""
    destination = get_object_or_404(Destination, pk=pk)
    wanted = request.GET.get("node", "")
    node = get_object_or_404(Node, pk=wanted) if wanted.isdecimal() else None
    if request.method == "POST":
        report = deliveries.drain(request.user, destination, node)
        return redirect("act", pk=report.act.pk)
    count = deliveries.queued(destination, node).count()
    query = {"destination": pk, "state": ",".join(deliveries.QUEUED)}
    if node is not None:
        query["node"] = node.pk
    context = {
        "title": _title(count, destination, node),
        "consequences": [
            _("Nothing of it is sent. What is being sent at this moment goes on."),
            _("Retry can send each of them later. New studies are sent as before."),
        ],
        "listed": f"{reverse('deliveries')}?{urlencode(query)}",
        "count": count,
        "button": ngettext("Cancel %s delivery", "Cancel %s deliveries", count) % grouped(count)
        if count
        else "",
        "back_url": reverse("lanes"),
    }
    return render(request, "lanes/drain.html", context)


def _title(count: int, destination: Destination, node: Node | None) -> str:
    values = {"count": grouped(count), "destination": destination, "node": node}
    if node is None:
        words = ngettext(
            "Cancel %(count)s delivery that waits for %(destination)s?",
            "Cancel %(count)s deliveries that wait for %(destination)s?",
            count,
        )
    else:
        words = ngettext(
            "Cancel %(count)s delivery that waits in %(node)s for %(destination)s?",
            "Cancel %(count)s deliveries that wait in %(node)s for %(destination)s?",
            count,
        )
    return words % values
