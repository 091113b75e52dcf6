"""What a supervisor asks: is the process up, can it work, how does it do."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.decorators import api_view
from rest_framework.request import Request

from orthanc_console.metrics import registry


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has every migration, else 503 with what is missing."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        detail = f"The database does not answer: {type(error).__name__}."
        return JsonResponse({"ready": False, "detail": detail}, status=503)
    if pending:
        detail = f"{len(pending)} migrations are not applied; run manage.py migrate."
        return JsonResponse({"ready": False, "detail": detail}, status=503)
    return JsonResponse({"ready": True, "detail": ""})


@extend_schema(exclude=True)
@api_view(["GET"])
def metrics(request: Request) -> HttpResponse:
    """Figures for Prometheus, with the API token of a user of any role."""
    return HttpResponse(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)
