from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orthanc_console.env import env
from orthanc_console.keeping import restore
from orthanc_console.keeping.progress import Progress

WAITS = (
    "They delete nothing until an administrator has looked and lets purging go on, on the page of the purge policies.",
    "After a restore they would delete nothing until an administrator has looked and lets purging go on.",
)
GOES_ON = (
    "They delete again; look at them before they are due.",
    "After a restore with --keep-purging they would delete at once.",
)


def _end_tidily(number: int, _frame: object) -> None:
    """What was built beside the console's database goes with the exception; a signal alone would leave it there."""
    raise SystemExit(128 + number)


class Command(BaseCommand):
    help = "Put a backup in the place of the console's database, on SQLite or PostgreSQL alike. See docs/keep.md."
    # It is for new consoles, too, whose database has no tables yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what “backup” wrote; - for standard input")
        parser.add_argument(
            "--check",
            action="store_true",
            help="only try it: build and check all of it, and leave the console as it is",
        )
        parser.add_argument(
            "--replace", action="store_true", help="also when the console has data, which goes"
        )
        parser.add_argument(
            "--without-secrets",
            action="store_true",
            help="leave passwords and secrets empty whose key is lost, and tell which",
        )
        parser.add_argument(
            "--keep-purging",
            action="store_true",
            help="let active purge policies delete at once, without an administrator having looked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = signal.signal(signal.SIGTERM, _end_tidily)
        try:
            restored = self._restore(options)
        except restore.RestoreError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"The backup could not be read: {error}. Nothing was changed."
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)
        rows = f"{restored.rows} rows of {restored.made_at:%Y-%m-%d %H:%M} UTC, version {restored.version},"
        if options["check"]:
            self.stdout.write(
                f"{rows} can be restored; where the console has data, with --replace. Nothing was changed."
            )
        else:
            self.stdout.write(
                f"{rows} are restored. Nodes are asked to report again what happened since."
            )
        self._tell(restored, options)

    def _tell(self, restored: restore.Restored, options: dict[str, Any]) -> None:
        only_tried: bool = options["check"]
        if restored.emptied:
            emptied = ", ".join(restored.emptied)
            if only_tried:
                said = "These would be empty, as their key is lost, and would have to be typed in again"
            else:
                said = "These are empty now, as their key is lost; type them in again"
            self.stdout.write(f"{said}: {emptied}.")
        if restored.policies:
            active = "would be active" if only_tried else "are active"
            words = GOES_ON if options["keep_purging"] else WAITS
            names = ", ".join(restored.policies)
            self.stdout.write(f"These purge policies {active}: {names}. {words[only_tried]}")

    def _restore(self, options: dict[str, Any]) -> restore.Restored:
        name: str = options["file"]
        choices = restore.Choices(
            **{each.name: options[each.name] for each in fields(restore.Choices)}
        )
        chosen = (env.str("BACKUP_PASSPHRASE", default=""), Progress(self.stderr), choices)
        if name == "-":
            return restore.read(sys.stdin.buffer, *chosen)
        with Path(name).open("rb") as file:
            return restore.read(file, *chosen)
