"""Messages to webhook targets, with each attempt's request and response; sending again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from intercept.filters import WebhookFilter
from intercept.models import DeliveryState, WebhookDelivery
from intercept.services import deliveries as services
from orthanc_console.accounts.access import SignedInRequest, operator_required, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.pagination import page_of

# The tabs over the list: what a person asks for, in states.
GROUPS = (
    (_("All"), ()),
    (_("Waiting"), (DeliveryState.WAITING,)),
    (_("Failed"), (DeliveryState.FAILED,)),
    (_("Delivered"), (DeliveryState.DELIVERED, DeliveryState.REFUSED)),
)
KEPT = ("state", "move_request")


@viewer_required
@require_safe
def webhooks(request: SignedInRequest) -> HttpResponse:
    rows = WebhookDelivery.objects.select_related("node", "target", "move_request")
    found = WebhookFilter(request.GET, rows)
    valid = found.is_valid()
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "tabs": _tabs(request) if valid else [],
        "page": page_of(found.qs if valid else WebhookDelivery.objects.none(), request),
        "query": request.GET.urlencode(),
        "kept": [(name, value) for name in KEPT for value in request.GET.getlist(name)],
    }
    return render_live(request, "intercept/webhooks.html", "intercept/webhooks_part.html", context)


def _tabs(request: SignedInRequest) -> list[dict[str, Any]]:
    """Groups of states with their counts under the other filters."""
    rest = request.GET.copy()
    rest.pop("cursor", None)
    chosen = {state for each in rest.pop("state", []) for state in each.split(",") if state}
    others = WebhookFilter(rest, WebhookDelivery.objects.order_by())
    counts = dict(others.qs.values_list("state").annotate(Count("pk")))
    tabs = []
    for words, states in GROUPS:
        query = rest.copy()
        if states:
            query["state"] = ",".join(states)
        count = sum(counts.get(state, 0) for state in states or DeliveryState.values)
        current = chosen == set(states)
        url = f"?{query.urlencode()}"
        tabs.append({"words": words, "count": count, "url": url, "current": current})
    return tabs


@viewer_required
@require_safe
def webhook(request: SignedInRequest, pk: UUID) -> HttpResponse:
    rows = WebhookDelivery.objects.select_related("node", "target", "move_request")
    found = get_object_or_404(rows, pk=pk)
    again = found.target_id and found.cause != "test" and found.state != DeliveryState.SKIPPED
    context = {"webhook": found, "attempts": found.attempt_set.all(), "again": again}
    return render_live(request, "intercept/webhook.html", "intercept/webhook_part.html", context)


@operator_required
@require_POST
def webhooks_chosen(request: SignedInRequest) -> HttpResponse:
    """Send those again that were ticked."""
    try:
        ids = [UUID(each) for each in request.POST.getlist("chosen")]
    except ValueError as error:
        raise Http404 from error
    rows = WebhookDelivery.objects.select_related("node", "target").filter(pk__in=ids)
    _report(request, services.redeliver(request.user, rows))
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return redirect(wanted if safe else reverse("webhook-deliveries"))


@operator_required
@require_http_methods(["GET", "POST"])
def webhooks_all(request: SignedInRequest) -> HttpResponse:
    """Send everything again that a filter matches, after a page that says how much that is."""
    rows = WebhookDelivery.objects.select_related("node", "target")
    found = WebhookFilter(request.GET, rows)
    if not found.is_valid():
        return redirect("webhook-deliveries")
    concerned = found.qs.exclude(state=DeliveryState.SKIPPED).exclude(cause="test")
    concerned = concerned.exclude(target=None)
    back = f"{reverse('webhook-deliveries')}?{request.GET.urlencode()}"
    if request.method == "POST":
        _report(request, services.redeliver(request.user, concerned.iterator(chunk_size=500)))
        return redirect(back)
    count = concerned.count()
    title = ngettext("Send %d webhook again?", "Send %d webhooks again?", count) % count
    button = ngettext("Send %d webhook again", "Send %d webhooks again", count) % count
    context = {
        "title": title,
        "chips": chips(found, request.GET),
        "button": button if count else "",
        "harmless": True,
        "back_url": back,
    }
    return render(request, "intercept/webhooks_all.html", context)


def _report(request: SignedInRequest, report: services.Report) -> None:
    level = messages.warning if report.skipped or report.offline else messages.success
    reasons = {reason: None for _id, reason in report.skipped}
    level(request, "\n".join([report.message, *reasons]))
