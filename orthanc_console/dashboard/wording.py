"""Numbers and times as people read them. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from orthanc_console import counting

MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = ("KiB", "MiB", "GiB", "TiB")


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit: `820 ms`, `14 s`, `3 min`, `5 h`, `12 d`."""
    if seconds < 1:
        return _("%(n)s ms") % {"n": round(seconds * 1000)}
    if seconds < MINUTE:
        return _("%(n)s s") % {"n": int(seconds)}
    if seconds < HOUR:
        return _("%(n)s min") % {"n": int(seconds // MINUTE)}
    if seconds < 2 * DAY:
        return _("%(n)s h") % {"n": int(seconds // HOUR)}
    return _("%(n)s d") % {"n": number_format(int(seconds // DAY), use_l10n=True)}


def relative(moment: datetime, now: datetime | None = None) -> str:
    """`3 min ago`, `in 20 s`, or `now` within a second of it."""
    distance = ((now or timezone.now()) - moment).total_seconds()
    if abs(distance) < 1:
        return _("now")
    if distance > 0:
        return _("%(span)s ago") % {"span": span(distance)}
    return _("in %(span)s") % {"span": span(-distance)}


def exact(moment: datetime) -> str:
    """The moment in the server's zone, which it names: `2026-11-24 22:35:12 UTC`."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def size(count: int) -> str:
    """Bytes in binary units with three digits: `512 B`, `48.1 MiB`."""
    if count < 1024:
        return _("%(n)s B") % {"n": count}
    power = min((count.bit_length() - 1) // 10, len(UNITS))
    value = count / 1024**power
    digits = 0 if value >= 100 else 1
    return f"{number_format(value, digits, use_l10n=True)} {UNITS[power - 1]}"


def grouped(count: int) -> str:
    """A count with its thousands marked: `5,200`."""
    return number_format(count, use_l10n=True, force_grouping=True)


def at_least(count: int) -> str:
    """A count as `orthanc_console.counting` gives it: `812`, or `1,000+`."""
    most = counting.MOST_COUNTED
    return f"{grouped(most)}+" if count > most else grouped(count)


def middle(text: str, length: int) -> str:
    """Shorten in the middle, where identifiers differ least: `1.2.840…3.17`."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[-(length - 1 - head) :]}"


def between(start: datetime | None, end: datetime | None) -> timedelta | None:
    """How long something took; None while it runs."""
    return end - start if start and end else None
