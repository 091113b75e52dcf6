"""Two answers that are given in place of a page: the name is not one of the console's, and the database is away."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.template.loader import render_to_string
from django.utils.log import log_response
from django.utils.translation import gettext as _

from orthanc_console.middleware import request_id
from orthanc_console.outage import is_away
from orthanc_console.version import VERSION

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]


class KnownHostMiddleware:
    """Answers requests for a name that is not in ALLOWED_HOSTS with what to do about it, for browsers and plugins alike."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            return self._refuse(request)
        return self.get_response(request)

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        # Of a name that is none, such as one with markup in it, nothing is left.
        name = split_domain_port(request.META.get("HTTP_HOST", ""))[0][:253]
        text = _(
            "The console is not known as %(name)s. Add the name to ALLOWED_HOSTS in the console's environment."
        ) % {"name": name or _("what this request calls it")}
        answer = _in_json(request, text, 400) or HttpResponse(
            f"{text}\n", status=400, content_type="text/plain; charset=utf-8"
        )
        cause = "refused a request for the host %r, which is not in ALLOWED_HOSTS"
        # Django then writes no line of its own.
        log_response(cause, name, response=answer, request=request, logger=logger)
        return answer


class DatabaseAwayMiddleware:
    """Answers 503 where PostgreSQL does not answer: nothing is broken, and it is worth to try again."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_away(error):
            return None
        text = _("The database does not answer. Nothing of this request was kept.")
        answer = _in_json(request, text, 503) or _page()
        cause = str(error).partition("\n")[0]
        log_response(
            "the database does not answer: %s",
            cause,
            response=answer,
            request=request,
            logger=logger,
        )
        return answer


def _in_json(request: HttpRequest, text: str, status: int) -> HttpResponse | None:
    """The answer for a program, None for a browser."""
    if not request.path_info.startswith("/api/"):
        return None
    return JsonResponse({"detail": text, "request_id": request_id.get()}, status=status)


def _page() -> HttpResponse:
    # Without the request: whoever is signed in stands in the database.
    context = {"request_id": request_id.get(), "version": VERSION}
    return HttpResponse(render_to_string("503.html", context), status=503)
