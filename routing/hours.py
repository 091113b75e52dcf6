"""Hours of the week in which a destination may be sent to. Standard library only: used by the console and inside Orthanc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY

_WINDOW = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<h1>\d{1,2}):(?P<m1>\d{2})-(?P<h2>\d{1,2}):(?P<m2>\d{2})\Z"
)


class HoursError(ValueError):
    """The text does not name hours; the message says why."""


@dataclass(frozen=True)
class Hours:
    """Parsed hours: minutes of the week, from Monday 00:00, as (start, length)."""

    windows: tuple[tuple[int, int], ...]

    def open_at(self, moment: datetime) -> bool:
        """Whether sending is allowed at a moment, in the node's local time."""
        minute = _minute(moment)
        return not self.windows or any(
            (minute - start) % MINUTES_A_WEEK < length for start, length in self.windows
        )

    def next_opening(self, moment: datetime) -> datetime:
        """The first minute at or after a moment in which sending is allowed."""
        if self.open_at(moment):
            return moment
        minute = _minute(moment)
        wait = min((start - minute) % MINUTES_A_WEEK for start, _length in self.windows)
        return moment.replace(second=0, microsecond=0) + timedelta(minutes=wait)


def parse(text: str) -> Hours:
    """Read hours such as `mon-fri 22:00-06:00, sat 00:00-24:00`; an empty text means always.

    A window that ends before it begins goes over midnight. Without days it holds every day.

    Raises:
        HoursError: with the part that cannot be read.
    """
    windows = []
    for part in filter(None, (part.strip() for part in text.lower().split(","))):
        windows += _windows(part)
    return Hours(tuple(windows))


def _windows(part: str) -> list[tuple[int, int]]:
    match = _WINDOW.match(part)
    if match is None:
        raise HoursError(f'"{part}" is not like "mon-fri 22:00-06:00".')
    first, last = match["first"] or "mon", match["last"] or match["first"] or "sun"
    for day in (first, last):
        if day not in DAYS:
            raise HoursError(f'"{day}" is no day: use {", ".join(DAYS)}.')
    start = _time(match["h1"], match["m1"], part)
    end = _time(match["h2"], match["m2"], part)
    length = end - start if end > start else end + MINUTES_A_DAY - start
    span = (DAYS.index(last) - DAYS.index(first)) % 7 + 1
    days = [(DAYS.index(first) + n) % 7 for n in range(span)]
    return [(day * MINUTES_A_DAY + start, length) for day in days]


def _time(hour: str, minute: str, part: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > MINUTES_A_DAY:
        raise HoursError(f'"{part}" has a time that does not exist.')
    return total


def _minute(moment: datetime) -> int:
    return moment.weekday() * MINUTES_A_DAY + moment.hour * 60 + moment.minute
