"""Makes a backup of a made-up site as the present version would: `.venv/bin/python scripts/make-old-backup.py FILE`.

Run it once when a version is released and keep the file as tests/backups/VERSION.gz: tests/test_upgrade.py restores
each of them, which brings it to the newest version. A file is never made anew, or the test would test nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

STUDIES = 200
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
# So that the test can open its secrets; they are made up, too.
FIELD_KEY = "b2xkIGtleSBvZiBhIG1hZGUtdXAgc2l0ZSAwMDAwMDA="


def main(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("DATABASE_URL", None)
        os.environ |= {"DATA_DIR": folder, "FIELD_KEYS": FIELD_KEY, "SECRET_KEY": "made up"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "orthanc_console.settings"
        import django
        from django.core.management import call_command

        django.setup()
        from testbed.sample_data import fill

        call_command("migrate", verbosity=0)
        fill(AT, STUDIES)
        call_command("backup", path)


if __name__ == "__main__":
    main(sys.argv[1])
