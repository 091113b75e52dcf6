"""The plugin as one zip file, which is unpacked on the server of Orthanc."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from orthanc_console import places
from orthanc_console.version import VERSION

FILE_NAME = f"orthanc-console-plugin-{VERSION}.zip"
SCRIPT = "orthanc-plugin.py"
# All of it runs on the standard library alone.
PACKAGES = (
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
        for name, path in _files():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())
    return packed.getvalue()


def _files() -> Iterator[tuple[str, Path]]:
    """Name in the zip file and path of each file."""
    yield SCRIPT, places.FILES / SCRIPT
    for pattern in PACKAGES:
        found = sorted(places.PACKAGES.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{pattern} is missing in {places.PACKAGES}")
        for path in found:
            yield path.relative_to(places.PACKAGES).as_posix(), path
