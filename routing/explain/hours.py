"""Hours of the week as a sentence. Pure functions."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _

from routing import hours

DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday"),
    *("Friday", "Saturday", "Sunday"),
)


def sentence(text: str) -> str:
    """Hours such as `mon-fri 22:00-06:00` in words; an empty text means always.

    Raises:
        HoursError: the text cannot be read.
    """
    days_of: dict[tuple[int, int], set[int]] = defaultdict(set)
    for start, length in hours.parse(text).windows:
        day, minute = divmod(start, hours.MINUTES_A_DAY)
        days_of[minute, length].add(day)
    if not days_of:
        return _("at any time")
    parts = [f"{_days(days)} {_span(*window)}" for window, days in days_of.items()]
    return _("%(windows)s, by the clock of Orthanc's server") % {"windows": "; ".join(parts)}


def _days(days: set[int]) -> str:
    if len(days) == len(DAYS):
        return _("every day")
    # A run begins where the day before is not in it; from Saturday to Monday is one.
    starts = sorted(day for day in days if (day - 1) % len(DAYS) not in days)
    return ", ".join(_run(days, start) for start in starts)


def _run(days: set[int], start: int) -> str:
    length = next(n for n in range(1, len(DAYS)) if (start + n) % len(DAYS) not in days)
    first, last = _name(start), _name(start + length - 1)
    if length == 1:
        return first
    if length == 2:
        return f"{first}, {last}"
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def _name(day: int) -> str:
    return _(DAYS[day % len(DAYS)])


def _span(minute: int, length: int) -> str:
    if length == hours.MINUTES_A_DAY and minute == 0:
        return _("all day")
    end = minute + length
    # Midnight at the end of a day is written 24:00, as it was given.
    times = {"start": _time(minute), "end": _time(end)}
    if end <= hours.MINUTES_A_DAY:
        return _("from %(start)s to %(end)s") % times
    times["end"] = _time(end - hours.MINUTES_A_DAY)
    return _("from %(start)s to %(end)s the next day") % times


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
