from __future__ import annotations

from django.urls import path

from orthanc_console.agent import views

urlpatterns = [
    path("api/agent/v1/sync", views.sync, name="agent-sync"),
    path("agent/plugin.zip", views.plugin_zip, name="plugin-zip"),
]
