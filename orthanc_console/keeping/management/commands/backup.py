from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orthanc_console.audit import log
from orthanc_console.env import env
from orthanc_console.keeping import backup
from orthanc_console.keeping.progress import Progress

WITHOUT_KEYS = (
    "The backup does not hold the keys of its secrets. Keep FIELD_KEYS (by default the file field_keys in the data folder) "
    "elsewhere, too, or give a passphrase in BACKUP_PASSPHRASE."
)


class Command(BaseCommand):
    help = "Write everything that the console knows into one file, also while it runs. See docs/keep.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="where to; - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        passphrase: str = env.str("BACKUP_PASSPHRASE", default="")
        progress = Progress(self.stderr)
        try:
            if options["file"] == "-":
                counts = backup.write(sys.stdout.buffer, passphrase, progress)
            else:
                counts = _to_file(Path(options["file"]), passphrase, progress)
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backup could not be written: {error}.") from error
        said = f"{sum(counts.values())} rows of {len(counts)} tables are in the backup."
        log.record(None, "console.backed_up", actor_name="command line", message=said)
        self.stderr.write(said)
        if not passphrase:
            self.stderr.write(WITHOUT_KEYS)


def _to_file(path: Path, passphrase: str, progress: Progress) -> dict[str, int]:
    """Write beside the file and move it there when it is whole, so that no half backup ever has its name."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            counts = backup.write(file, passphrase, progress)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise
    return counts
