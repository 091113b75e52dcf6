from __future__ import annotations

from django.apps import AppConfig


class KeepingConfig(AppConfig):
    name = "orthanc_console.keeping"
    label = "keeping"
