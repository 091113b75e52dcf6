from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

# What the console reads from its environment; each also as NAME_FILE.
NEEDED = (
    *("DATA_DIR", "DATABASE_URL", "SECRET_KEY", "FIELD_KEYS", "TIME_ZONE", "ALLOWED_HOSTS"),
    *("DJANGO_SETTINGS_MODULE", "LOG_LEVEL"),
)
# cron gives a percent sign a meaning of its own, and django-crontab quotes nothing.
UNUSABLE = re.compile(r"[\s%'\"\\#]")


class Command(BaseCommand):
    help = "Put the console's one line into the crontab of this user, and check that it is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--remove", action="store_true", help="take the line out")

    def handle(self, *args: Any, **options: Any) -> None:
        if shutil.which(settings.CRONTAB_EXECUTABLE) is None:
            raise CommandError(
                f"There is no {settings.CRONTAB_EXECUTABLE} here. Install cron, or let “manage.py scheduler” run instead."
            )
        for path in (settings.CRONTAB_DJANGO_MANAGE_PATH, str(settings.SCHEDULE_ENVIRONMENT)):
            if UNUSABLE.search(path):
                raise CommandError(
                    f"cron cannot use the path {path}. Let “manage.py scheduler” run instead."
                )
        before = _lines()
        if options["remove"]:
            self._apply("remove", before)
            self.stdout.write("The line is out of the crontab.")
            return
        _write_environment(Path(settings.SCHEDULE_ENVIRONMENT))
        self._apply("remove", before)
        self._apply("add", _lines())
        own = [line for line in _lines() if line.endswith(f"# {settings.CRONTAB_COMMENT}")]
        if len(own) != 1:
            raise CommandError(
                "The line is not in the crontab afterwards; look at what crontab says."
            )
        self.stdout.write(f"cron runs every minute: {own[0]}")

    def _apply(self, act: str, before: list[str]) -> None:
        # Without verbosity: else django-crontab stops at lines of an earlier version.
        call_command("crontab", act, verbosity=0)
        lost = [line for line in before if not _is_own(line) and line not in _lines()]
        if lost:
            raise CommandError(f"{len(lost)} lines of somebody else went missing from the crontab.")


def _is_own(line: str) -> bool:
    return line.endswith(f"# {settings.CRONTAB_COMMENT}")


def _lines() -> list[str]:
    """The lines of the crontab.

    Raises:
        CommandError: it cannot be read. django-crontab would take it for empty, and overwrite it.
    """
    run = subprocess.run(  # noqa: S603
        [settings.CRONTAB_EXECUTABLE, "-l"], capture_output=True, text=True, check=False
    )
    if run.returncode != 0 and "no crontab for" not in run.stderr:
        raise CommandError(
            f"The crontab cannot be read, so nothing was changed: {run.stderr.strip()}"
        )
    return run.stdout.splitlines() if run.returncode == 0 else []


def _write_environment(path: Path) -> None:
    """Keep for cron, which starts jobs in an empty environment, what this command was started with."""
    names = [name for needed in NEEDED for name in (needed, f"{needed}_FILE")]
    values = {name: os.environ[name] for name in names if name in os.environ}
    values.setdefault("DATA_DIR", str(settings.DATA_DIR))
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
