"""From what Orthanc says of a DICOM value to what conditions compare, and the literals of rules.

Times are the node's own local time, without a zone. The offset that a DT value may carry (PS3.5
section 6.2) is left out: the value counts as the clock on the wall showed it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from routing.conditions.kinds import Kind

ABSENT = "absent"

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"(\d{4})([-.]?)(\d\d)\2(\d\d)", re.ASCII)
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?", re.ASCII)
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d+(?:[.,]\d+)?)W)?(?:(\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?=\d)(?:(\d+(?:[.,]\d+)?)H)?(?:(\d+(?:[.,]\d+)?)M)?(?:(\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII,
)
_LITERAL_DATE = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d(?::\d\d(?::\d\d(?:\.\d{1,6})?)?)?))?", re.ASCII
)


class Reading(NamedTuple):
    """A converted value, or None and why there is none: "absent", or what it is not."""

    value: Any
    note: str = ""


def is_absent(raw: object) -> bool:
    """Whether a raw value says nothing: missing, empty, or blank."""
    return raw is None or raw == [] or (isinstance(raw, str) and not raw.strip(" \0\t\r\n"))


def shown(raw: object) -> str:
    """A raw value as a person reads it."""
    if isinstance(raw, (list, tuple)):
        return "\\".join(str(item) for item in raw)
    return str(raw)


def read(raw: object, kind: Kind) -> Reading:
    """Convert a raw value; what cannot be converted reads as absent, with a note that says so."""
    if is_absent(raw):
        return Reading(None, ABSENT)
    convert = _CONVERTERS[kind.type]
    if not kind.is_list:
        value = convert(raw) if isinstance(raw, bool) else convert(shown(raw))
        return Reading(value, "" if value is not None else f"not a {kind.type}")
    parts = raw if isinstance(raw, (list, tuple)) else shown(raw).split("\\")
    values = tuple(convert(part if isinstance(part, bool) else str(part)) for part in parts)
    if None in values:
        return Reading(None, f"not a {kind}")
    return Reading(values)


def _text(raw: Any) -> str:
    return str(raw).strip(" \0\t\r\n")


def _number(raw: Any) -> Decimal | None:
    text = _text(raw)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _date(raw: Any) -> dt.datetime | None:
    found = _DATE.fullmatch(_text(raw))
    if not found:
        return None
    try:
        return dt.datetime(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


def _time(raw: Any) -> dt.timedelta | None:
    """Time since midnight; PS3.5 lets a leap second count as 60."""
    found = _TIME.fullmatch(_text(raw))
    if not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    fraction = int((found[4] or "0")[:6].ljust(6, "0"))
    return dt.timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction)


def _datetime(raw: Any) -> dt.datetime | None:
    text = _text(raw)
    length = 10 if text[4:5] in ("-", ".") else 8
    day, rest = _date(text[:length]), text[length:].lstrip("T ")
    if day is None or not rest:
        return day
    time = _time(_OFFSET.sub("", rest))
    return None if time is None else day + time


def _no_duration(raw: Any) -> None:
    # No DICOM value representation is a duration: only literals and differences of dates are.
    return None


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "duration": _no_duration,
    "boolean": _boolean,
}


def parse_moment(text: str) -> tuple[dt.datetime, bool]:
    """Read the text of a ``d"..."`` literal; also tells whether it has a time of day.

    Raises ValueError with a sentence.
    """
    found = _LITERAL_DATE.fullmatch(text)
    if not found:
        if _OFFSET.search(text) and "T" in text.upper():
            raise ValueError("a time zone is not supported: times are the node's local time")
        raise ValueError('write a date as d"2024-01-31" or d"2024-01-31T18:30"')
    try:
        day = dt.datetime(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise ValueError("there is no such day") from None
    if found[4] is None:
        return day, False
    time = _time(found[4])
    if time is None or time >= dt.timedelta(days=1) or found[4][6:8] == "60":
        raise ValueError("there is no such time of day")
    return day + time, True


def parse_duration(text: str) -> dt.timedelta:
    """Read the text of a ``t"..."`` literal, an ISO 8601 duration without years and months.

    Raises ValueError with a sentence.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError('write a duration as t"P30D", t"PT12H" or t"P1DT6H30M"')
    weeks, days, hours, minutes, seconds = (
        float((part or "0").replace(",", ".")) for part in found.groups()
    )
    try:
        return dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError("the duration is too long") from None
