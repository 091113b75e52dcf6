from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orthanc_console.env import env
from orthanc_console.keeping import restore
from orthanc_console.keeping.progress import Progress

WAITS = "They delete nothing until an administrator has looked and lets purging go on, on the page of the purge policies."
GOES_ON = "They delete again; look at them before they are due."


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
        parser.add_argument(
            "--keep-purging",
            action="store_true",
            help="let active purge policies delete at once, without an administrator having looked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = self._restore(options)
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
                f"These purge policies are active: {', '.join(restored.policies)}. "
                + (GOES_ON if options["keep_purging"] else WAITS)
            )

    def _restore(self, options: dict[str, Any]) -> restore.Restored:
        name: str = options["file"]
        chosen = (options["replace"], Progress(self.stderr))
        more = {each: options[each] for each in ("without_secrets", "keep_purging")}
        passphrase: str = env.str("BACKUP_PASSPHRASE", default="")
        if name == "-":
            return restore.read(sys.stdin.buffer, passphrase, *chosen, **more)
        with Path(name).open("rb") as file:
            return restore.read(file, passphrase, *chosen, **more)
