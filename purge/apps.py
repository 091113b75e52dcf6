from __future__ import annotations

from django.apps import AppConfig


class PurgeConfig(AppConfig):
    name = "purge"
