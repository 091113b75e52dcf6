from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orthanc_console.env import env
from orthanc_console.keeping import restore
from orthanc_console.keeping.progress import Progress


class Command(BaseCommand):
    help = "Put a backup in the place of the console's database, on SQLite or PostgreSQL alike. See docs/keep.md."
    # It is for new consoles, too, whose database has no tables yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what “backup” wrote; - for standard input")
        parser.add_argument(
            "--replace", action="store_true", help="also when the console has data, which goes"
        )

        parser.add_argument(
            "--without-secrets",
            action="store_true",
            help="leave passwords and secrets empty whose key is lost, and tell which",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = self._restore(
                options["file"], options["replace"], options["without_secrets"]
            )
        except restore.RestoreError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"The backup could not be read: {error}. Nothing was changed."
            ) from error
        self.stdout.write(
            f"{restored.rows} rows of {restored.made_at:%Y-%m-%d %H:%M} UTC, version {restored.version}, are restored. "
            "Nodes are asked to report again what happened since."
        )
        if restored.emptied:
            self.stdout.write(
                "These are empty now, as their key is lost; type them in again: "
                f"{', '.join(restored.emptied)}."
            )
        if restored.policies:
            self.stdout.write(
                "These purge policies delete by their schedule again; look at them before they are due: "
                f"{', '.join(restored.policies)}."
            )

    def _restore(self, name: str, replace: bool, without_secrets: bool) -> restore.Restored:
        passphrase: str = env.str("BACKUP_PASSPHRASE", default="")
        progress = Progress(self.stderr)
        if name == "-":
            return restore.read(sys.stdin.buffer, passphrase, replace, progress, without_secrets)
        with Path(name).open("rb") as file:
            return restore.read(file, passphrase, replace, progress, without_secrets)
