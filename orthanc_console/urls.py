from __future__ import annotations

from django.urls import include, path

from orthanc_console import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("orthanc_console.agent.urls")),
    path("", include("orthanc_console.pages")),
]
