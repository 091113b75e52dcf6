"""The plugin as one zip file, which is unpacked on the server of Orthanc."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

from orthanc_console.version import VERSION

FILE_NAME = f"orthanc-console-plugin-{VERSION}.zip"
SCRIPT = "orthanc-plugin.py"
# All of it runs on the standard library alone.
MEMBERS = (
    SCRIPT,
    "orthanc_console/__init__.py",
    "orthanc_console/version.py",
    "orthanc_console/plugin/**/*.py",
    "intercept/__init__.py",
    "intercept/plugin/**/*.py",
    "purge/__init__.py",
    "purge/plugin/**/*.py",
    "routing/__init__.py",
    "routing/hours.py",
    "routing/conditions/**/*.py",
    "routing/plugin/**/*.py",
)
# One fixed time, so that the same plugin makes the same file.
EPOCH = (2020, 1, 1, 0, 0, 0)


@cache
def as_zip() -> bytes:
    """The zip file.

    Raises:
        FileNotFoundError: this console was installed without the plugin.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(Path(settings.BASE_DIR)):
            name = path.relative_to(settings.BASE_DIR).as_posix()
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())
    return packed.getvalue()


def _files(root: Path) -> Iterator[Path]:
    for pattern in MEMBERS:
        found = sorted(root.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{pattern} is missing in {root}")
        yield from found
