"""What the one line of the crontab calls every minute (see CRONJOBS in the settings)."""

from __future__ import annotations

from purge import scheduler


def tick() -> None:
    """Start the purges that are due."""
    scheduler.tick()
