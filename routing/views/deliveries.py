"""Deliveries: what is on its way, what arrived, what failed and why; retry and cancel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, operator_required, viewer_required
from orthanc_console.counting import counted_by, counted_each
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.live import render_live
from orthanc_console.dashboard.wording import grouped
from orthanc_console.pagination import page_of
from routing import explain
from routing.by_hand import senders
from routing.filters import DeliveryFilter
from routing.models import Delivery
from routing.models.delivery import LIVE_STATES, State
from routing.services import deliveries as services
from routing.services.acts import Report
from routing.why import tell

ACTS = {"retry": services.retry, "cancel": services.cancel}
# The tabs over the list: what a person asks for, in states.
GROUPS: tuple[tuple[Promise, tuple[State, ...]], ...] = (
    (_("All"), ()),
    (_("On the way"), LIVE_STATES),
    (_("Failed"), (State.FAILED,)),
    (_("Delivered"), (State.DELIVERED, State.VERIFIED)),
    (_("Not sent"), (State.SKIPPED, State.CANCELLED)),
)

# Filters that the bar over the list has no field for, and must not lose.
KEPT = ("state", "changed_after", "study")


def rows() -> QuerySet[Delivery]:
    """Deliveries with what a row of the list shows.

    Nodes and destinations are read once each and not with every row: their columns are large, or encrypted.
    """
    rows = Delivery.objects.select_related("study").defer("study__facts", "study__search_text")
    return rows.prefetch_related("node", "destination", "rule_links")


@viewer_required
@require_safe
def deliveries(request: SignedInRequest) -> HttpResponse:
    found = DeliveryFilter(request.GET, rows())
    valid = found.is_valid()
    counts, chosen = _counts(request) if valid else ({}, set())
    tabs = _tabs(request, counts, chosen) if valid else []
    shown = chosen or set(State.values)
    page = page_of(found.qs if valid else Delivery.objects.none(), request)
    tell(page.results)
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "tabs": tabs,
        "count": next((tab["count"] for tab in tabs if tab["current"]), None),
        "page": page,
        "retryable": _sum(counts, shown.intersection(services.RETRYABLE)),
        "cancellable": _sum(counts, shown.intersection(LIVE_STATES)),
        "query": request.GET.urlencode(),
        "kept": [(name, value) for name in KEPT for value in request.GET.getlist(name)],
    }
    return render_live(request, "deliveries/list.html", "deliveries/list_part.html", context)


def _counts(request: SignedInRequest) -> tuple[dict[str, int] | None, set[str]]:
    """Deliveries by state under the other filters, each counted up to a thousand, and the states that are chosen (none: all).

    None where many match a search or a rule: each state would have to be looked through for it.
    """
    rest = request.GET.copy()
    rest.pop("cursor", None)
    chosen = {state for each in rest.pop("state", []) for state in each.split(",") if state}
    others = DeliveryFilter(rest, Delivery.objects.all()).qs
    if rest.get("search") or rest.get("rule"):
        return counted_by(others, "state"), chosen
    lists = {state: others.filter(state=state) for state in State.values}
    return counted_each(Delivery, lists), chosen


def _sum(counts: dict[str, int] | None, states: Iterable[str]) -> int | None:
    """How many deliveries are in one of these states; None when that is not known."""
    if counts is None:
        return None if set(states) else 0
    return sum(counts.get(state, 0) for state in states)


def _tabs(
    request: SignedInRequest, counts: dict[str, int] | None, chosen: set[str]
) -> list[dict[str, Any]]:
    """Groups of states with their counts."""
    rest = request.GET.copy()
    for name in ("cursor", "state"):
        rest.pop(name, None)
    tabs = []
    for words, states in GROUPS:
        query = rest.copy()
        if states:
            query["state"] = ",".join(states)
        tabs.append(
            {
                "words": words,
                "count": _sum(counts, states or State.values),
                "url": f"?{query.urlencode()}",
                "current": chosen == set(states),
            }
        )
    return tabs


@viewer_required
@require_safe
def delivery(request: SignedInRequest, pk: UUID) -> HttpResponse:
    delivery = get_object_or_404(rows(), pk=pk)
    tell([delivery])
    attempts = list(delivery.attempt_set.all())
    about = explain.about(delivery.node.status, delivery.destination)
    for attempt in attempts:
        if attempt.error or attempt.error_code is not None:
            attempt.explained = explain.error(attempt.error, attempt.error_code, about)  # type: ignore[attr-defined]
    # What was found out after the last attempt: that it cannot be verified, or that instances got lost.
    tried = attempts[0].error if attempts else ""
    later = delivery.last_error if delivery.last_error != tried else ""
    context = {
        "delivery": delivery,
        "attempts": attempts,
        "sender": senders(delivery.study, [delivery]).get(str(delivery.pk), ""),
        "later": later,
        "later_explained": explain.error(later, about=about) if later else None,
        "meaning": explain.state(delivery.state),
        "reason": explain.reason(delivery.reason) if delivery.reason else "",
        "history": delivery.events.order_by("-seq")[:50],
        "retryable": delivery.state in services.RETRYABLE,
        "cancellable": delivery.state in LIVE_STATES,
    }
    return render_live(request, "deliveries/detail.html", "deliveries/detail_part.html", context)


@operator_required
@require_POST
def deliveries_chosen(request: SignedInRequest) -> HttpResponse:
    """Retry or cancel the deliveries that were ticked."""
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Http404
    try:
        ids = [UUID(each) for each in request.POST.getlist("chosen")]
    except ValueError as error:
        raise Http404 from error
    chosen = rows().filter(pk__in=ids)
    obstacles = _obstacles(chosen) if act is services.retry else []
    report_at_once(request, act(request.user, chosen), obstacles)
    return redirect(back_to(request, reverse("deliveries")))


def _obstacles(chosen: QuerySet[Delivery]) -> list[str]:
    """What stands in the way of trying again now: lanes whose destination does not answer."""
    told = {
        f"{each.destination_name}: {reason.meaning} {reason.outlook}": None
        for each in tell(chosen)
        if (reason := each.why) and reason.outlook  # type: ignore[attr-defined]
    }
    return list(told)


def report_at_once(request: SignedInRequest, report: Report, obstacles: Iterable[str] = ()) -> None:
    """Say on the next page what was asked for, what was not, and what stands in its way."""
    reasons = {reason: None for _id, reason in report.skipped}
    words = "\n".join([report.message, *reasons, *obstacles])
    doubtful = report.skipped or report.offline or obstacles
    level = messages.warning if doubtful else messages.success
    address = reverse("act", args=(report.act.pk,))
    level(request, format_html('{} <a href="{}">{}</a>', words, address, _("What came of it")))


def back_to(request: SignedInRequest, otherwise: str) -> str:
    """The page of this console that a form names as the next one."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return otherwise


@operator_required
@require_http_methods(["GET", "POST"])
def deliveries_all(request: SignedInRequest, act: str) -> HttpResponse:
    """Retry or cancel everything that a filter matches, after a page that says how much that is."""
    if act not in ACTS:
        raise Http404
    states = services.RETRYABLE if act == "retry" else LIVE_STATES
    found = DeliveryFilter(request.GET, Delivery.objects.select_related("node"))
    if not found.is_valid():
        return redirect("deliveries")
    concerned = found.qs.filter(state__in=states)
    back = f"{reverse('deliveries')}?{request.GET.urlencode()}"
    if request.method == "POST":
        report = ACTS[act](request.user, concerned.iterator(chunk_size=500))
        return redirect("act", pk=report.act.pk)
    count = concerned.count()
    context = {
        "title": _all_title(act, count),
        "chips": chips(found, request.GET),
        "button": _all_button(act, count) if count else "",
        "harmless": act == "retry" and count > 0,
        "back_url": back,
        "act": act,
        "left": found.qs.count() - count,
    }
    return render(request, "deliveries/all.html", context)


def _all_title(act: str, count: int) -> str:
    if act == "retry":
        return ngettext("Retry %s delivery?", "Retry %s deliveries?", count) % grouped(count)
    return ngettext("Cancel %s delivery?", "Cancel %s deliveries?", count) % grouped(count)


def _all_button(act: str, count: int) -> str:
    if act == "retry":
        return ngettext("Retry %s delivery", "Retry %s deliveries", count) % grouped(count)
    return ngettext("Cancel %s delivery", "Cancel %s deliveries", count) % grouped(count)
