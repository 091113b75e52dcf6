from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from orthanc_console import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("orthanc_console.agent.urls")),
    path("api/v1/", include("orthanc_console.api")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("", include("orthanc_console.pages")),
]

handler400 = "orthanc_console.dashboard.views.bad_request"
handler403 = "orthanc_console.dashboard.views.permission_denied"
handler404 = "orthanc_console.dashboard.views.not_found"
handler500 = "orthanc_console.dashboard.views.server_error"
