from __future__ import annotations

from django.apps import AppConfig


class InterceptConfig(AppConfig):
    name = "intercept"
