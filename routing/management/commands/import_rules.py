from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orthanc_console.accounts.models import User
from routing import exchange


class Command(BaseCommand):
    help = (
        "Show what a file of export_rules, or the rule file of the router script, would change; with --apply, change it. "
        "Changes are noted in the audit trail under the name of the user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a file, or - for standard input")
        parser.add_argument("--user", required=True, help="an administrator")
        parser.add_argument("--apply", action="store_true")
        parser.add_argument(
            "--delete", action="store_true", help="also delete what the file does not have"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None or not user.is_admin:
            raise CommandError(f"{options['user']} is no administrator. Nothing was changed.")
        path = options["file"]
        try:
            text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file cannot be read: {error}") from error
        bring = exchange.bring_in if options["apply"] else exchange.preview
        try:
            report = bring(user, exchange.read(text), delete=options["delete"])
        except exchange.ImportProblem as error:
            problems = "\n".join(error.problems)
            raise CommandError(f"Nothing was changed.\n{problems}") from error
        self._tell(report, options["apply"])

    def _tell(self, report: exchange.Report, applied: bool) -> None:
        for note in report.notes:
            self.stdout.write(f"note: {note}")
        for change in report.changes:
            self.stdout.write(f"{change.done} {change.what}: {change.name}")
            if change.done == "changed":
                for name, (before, after) in change.differences.items():
                    shown = (json.dumps(each, ensure_ascii=False) for each in (before, after))
                    self.stdout.write(f"  {name}: {' -> '.join(shown)}")
        if report.order:
            self.stdout.write("changed order of rules")
        if report.nothing:
            self.stdout.write("nothing differs")
        elif not applied:
            self.stdout.write("This was a preview; --apply changes it.")
