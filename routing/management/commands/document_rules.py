from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from routing.rule_tables import filled


class Command(BaseCommand):
    help = "Make the tables of docs/rules.md anew, after the language or the builder has changed."

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "rules.md"
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
