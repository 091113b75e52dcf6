from __future__ import annotations

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        from routing import site_tags
        from routing.language.symbols import read_site_symbols_from

        read_site_symbols_from(site_tags.symbols)
