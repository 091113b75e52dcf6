"""Times as the plugin and the console exchange them: UTC, ISO 8601, milliseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since the epoch by the server's clock."""
    return time.time()


def iso(seconds: float | None) -> str | None:
    """Seconds since the epoch as `2026-11-24T22:00:00.123Z`; None stays None."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def from_orthanc(text: str) -> float | None:
    """Orthanc's own times (`20261124T223854`, UTC, also with microseconds) in seconds since the epoch; None if it is none."""
    for form in ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S.%f"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None
