"""Where the console finds its files and keeps its data: in a clone, or installed by pip."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

PACKAGES = Path(__file__).resolve().parent.parent
COMMAND = "orthanc-console"

# pyproject.toml puts into the wheel what lies beside the packages in a clone.
_IN_THE_WHEEL = PACKAGES / "orthanc_console" / "installed"
INSTALLED = _IN_THE_WHEEL.is_dir()
FILES = _IN_THE_WHEEL if INSTALLED else PACKAGES
MANAGE = Path(sys.executable).parent / COMMAND if INSTALLED else PACKAGES / "manage.py"

# Those of the systemd units.
SERVICE_SETTINGS = Path("/etc/orthanc-console/environment")
SERVICE_DATA = Path("/var/lib/orthanc-console")


def data_dir() -> Path:
    """Where the data lies unless `DATA_DIR` says otherwise.

    An installed console uses the folder of its service if there is one, whoever calls it: a command by hand must not make a
    second, empty console beside it, nor leave files there that the service cannot write to.

    Raises:
        ImproperlyConfigured: the service runs as another user.
    """
    if not INSTALLED:
        return PACKAGES / "data"
    if SERVICE_DATA.is_dir():
        if SERVICE_DATA.stat().st_uid != os.geteuid():
            raise ImproperlyConfigured(
                f"The data in {SERVICE_DATA} belongs to {SERVICE_DATA.owner()}, and nothing was done. Call the command as that "
                f"user, with sudo -u {SERVICE_DATA.owner()}, or name another folder as DATA_DIR."
            )
        return SERVICE_DATA
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / COMMAND
