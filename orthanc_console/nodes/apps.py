from __future__ import annotations

from django.apps import AppConfig


class NodesConfig(AppConfig):
    name = "orthanc_console.nodes"
    label = "nodes"
