"""The one call that nodes make, and the plugin to download."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from orthanc_console import tokens
from orthanc_console.agent import answer, bundle, intake, presence
from orthanc_console.agent.messages import (
    LARGEST_BODY,
    BadRequest,
    OtherProtocol,
    SyncRequest,
    parse,
)
from orthanc_console.nodes.models import Node


@csrf_exempt
@require_POST
def sync(request: HttpRequest) -> JsonResponse:
    """Take a report, answer with configuration and commands. See docs/protocol.md."""
    try:
        node = _node_of(request)
        if node is None:
            return _refused()
        if _length(request) > LARGEST_BODY:
            return _failure(
                413, f"The body is larger than {LARGEST_BODY} bytes; send fewer events."
            )
        return _answer(node, request)
    except OperationalError as error:
        return _failure(503, f"The database does not answer: {error}. Nothing was stored.")


def _answer(node: Node, request: HttpRequest) -> JsonResponse:
    try:
        return _exchange(node, parse(request.body))
    except (BadRequest, UnreadablePostError) as error:
        return _failure(400, str(error))
    except OtherProtocol as error:
        presence.warn_of_protocol(node, str(error))
        return _failure(409, str(error))
    except presence.Conflict as error:
        return _failure(409, str(error))


def _exchange(node: Node, request: SyncRequest) -> JsonResponse:
    presence.admit(node, request)
    presence.take_status(node, request)
    set_aside = intake.store(node, request.events, request.results)
    if not set_aside:
        answer.wait_for_news(node, request)
    return JsonResponse(answer.compose(node, request, set_aside))


@require_safe
def plugin_zip(request: HttpRequest) -> HttpResponse:
    """The plugin, for anyone who is signed in and for nodes."""
    if not request.user.is_authenticated and _node_of(request) is None:
        return _refused()
    response = HttpResponse(bundle.as_zip(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{bundle.FILE_NAME}"'
    return response


def _node_of(request: HttpRequest) -> Node | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    digest = tokens.digest(secret.strip())
    return Node.objects.filter(token_digest=digest).first()


def _length(request: HttpRequest) -> int:
    stated = request.META.get("CONTENT_LENGTH") or "0"
    return int(stated) if stated.isdecimal() else 0


def _refused() -> JsonResponse:
    response = _failure(401, "The node's token is unknown or was revoked.")
    response["WWW-Authenticate"] = 'Bearer realm="agent"'
    return response


def _failure(status: int, detail: str, **more: Any) -> JsonResponse:
    return JsonResponse({"detail": detail, **more}, status=status)
