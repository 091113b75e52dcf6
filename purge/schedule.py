"""When a cron text is due. Pure: no I/O. Daylight saving as Debian's cron has it (cronsim)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError


class ScheduleError(ValueError):
    """The text is no schedule, or there is no such time zone; the message is a sentence."""


def zone(name: str) -> ZoneInfo:
    """The time zone of a name of the IANA database.

    Raises:
        ScheduleError: there is none.
    """
    try:
        if name in available_timezones():
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ScheduleError(f"There is no time zone “{name}”. Write it like Europe/Berlin.")


def times(schedule: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """Every due time after a moment, in UTC.

    Raises:
        ScheduleError: it can never be due, or is no schedule at all.
    """
    try:
        found = CronSim(schedule, after.astimezone(zone(time_zone)))
    except CronSimError as error:
        raise ScheduleError(f"“{schedule}” is no schedule: {error}.") from error
    # Within the hour that comes twice in autumn, cronsim begins with its first pass.
    return (at for each in found if (at := each.astimezone(UTC)) > after)


def due(schedule: str, time_zone: str, after: datetime, until: datetime) -> datetime | None:
    """The last due time that is after `after` and not after `until`; earlier ones in between are passed over."""
    last = None
    for at in times(schedule, time_zone, after):
        if at > until:
            break
        last = at
    return last


def explain(schedule: str, time_zone: str) -> str:
    """The schedule in words."""
    words = CronSim(schedule, datetime.now(zone(time_zone))).explain()
    return f"{words} ({time_zone})"
