"""The overview, the search, and the pages that say what went wrong."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from orthanc_console.dashboard import filtering
from orthanc_console.dashboard import overview as state
from orthanc_console.dashboard.live import render_live
from orthanc_console.middleware import request_id
from orthanc_console.nodes.models import Node
from orthanc_console.version import VERSION
from purge.services.upcoming import upcoming

SEARCHED = ("studies", "deliveries", "purged-studies", "moves", "webhook-deliveries")


@viewer_required
@require_safe
def overview(request: SignedInRequest) -> HttpResponse:
    nodes = list(Node.objects.all())
    context = {
        "nodes": nodes,
        "online": sum(node.online for node in nodes),
        "figures": state.figures(),
        "troubles": state.troubles(nodes),
        "upcoming": upcoming(),
        "recent": state.recent(),
        "progress": state.progress(nodes),
    }
    return render_live(request, "dashboard/overview.html", "dashboard/overview_part.html", context)


@viewer_required
@require_POST
def search(request: SignedInRequest) -> HttpResponse:
    """Send a filter form on to its list; what was searched for goes into the address encrypted."""
    posted = request.POST.copy()
    wanted = posted.get("list", "")
    if wanted not in SEARCHED:
        raise Http404
    for name in ("list", "csrfmiddlewaretoken"):
        posted.pop(name, None)
    return redirect(reverse(wanted) + filtering.address(posted))


API_MESSAGES = {
    400: _("This request cannot be understood."),
    403: _("You may not do this."),
    404: _("There is nothing at this address."),
    500: _("Something broke in the console. Nothing of this request was kept."),
}


def _api_failure(request: HttpRequest, status: int) -> HttpResponse | None:
    """An error in JSON where a program asked, None for a browser."""
    if not request.path_info.startswith("/api/"):
        return None
    answer = {"detail": API_MESSAGES[status], "request_id": request_id.get()}
    return JsonResponse(answer, status=status)


def _failure(request: HttpRequest, status: int, message: str = "") -> HttpResponse:
    if answer := _api_failure(request, status):
        return answer
    # A request that is refused early has no user yet.
    user = getattr(request, "user", None)
    frame = "base.html" if user is not None and user.is_authenticated else "bare.html"
    context = {"request_id": request_id.get(), "message": message, "frame": frame}
    return render(request, f"{status}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(request, 403, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    context = {"request_id": request_id.get(), "version": VERSION}
    return HttpResponse(render_to_string("403_csrf.html", context), status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something broke, without the database, which may be what broke."""
    if answer := _api_failure(request, 500):
        return answer
    context = {"request_id": request_id.get(), "version": VERSION}
    return HttpResponse(render_to_string("500.html", context), status=500)
