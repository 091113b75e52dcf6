"""Log lines of the plugin go to Orthanc's standard error."""

from __future__ import annotations

import logging
import os


class _StandardError(logging.Handler):
    """Writes to the descriptor itself: a daemon thread that holds sys.stderr's lock at exit aborts the process."""

    def emit(self, record: logging.LogRecord) -> None:
        os.write(2, (self.format(record) + "\n").encode("utf-8", "replace"))


def configure() -> None:
    """Send everything below the logger `orthanc_console` to standard error, once."""
    logger = logging.getLogger("orthanc_console")
    if not logger.handlers:
        handler = _StandardError()
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s orthanc-console: %(message)s")
        )
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


logger = logging.getLogger("orthanc_console.plugin")
