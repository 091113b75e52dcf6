"""`orthanc-console` where the console is installed, `manage.py` in a clone: all commands of Django and of the console."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import Error


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orthanc_console.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except Error as error:
        # Needs the settings, which the command has read by now.
        from orthanc_console.outage import explain

        said = explain(error)
        if not said:
            raise
        sys.exit(said)
