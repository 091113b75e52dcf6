from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from purge.schedule import ScheduleError, due, explain, times


def moments(text: str, zone: str, after: str, count: int) -> list[str]:
    found = islice(times(text, zone, datetime.fromisoformat(after)), count)
    return [at.strftime("%m-%d %H:%M") for at in found]


def test_times_are_of_the_policys_zone() -> None:
    assert moments("0 2 * * *", "Europe/Berlin", "2026-07-01T00:00Z", 2) == [
        "07-02 00:00",
        "07-03 00:00",
    ]
    assert moments("0 2 * * *", "Europe/Berlin", "2026-12-01T00:00Z", 1) == ["12-01 01:00"]


def test_a_time_that_is_skipped_in_spring_runs_right_after() -> None:
    # 02:30 does not exist on 29 March 2026 in Berlin; the clock goes from 02:00 to 03:00, which is 01:00 UTC.
    assert moments("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == [
        "03-29 01:00",
        "03-30 00:30",
    ]


def test_a_time_that_comes_twice_in_autumn_runs_once() -> None:
    # 02:30 comes at 00:30 and 01:30 UTC on 25 October 2026.
    assert moments("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2) == [
        "10-25 00:30",
        "10-26 01:30",
    ]


def test_a_schedule_that_is_made_within_the_hour_that_comes_twice_is_not_late_at_once() -> None:
    assert moments("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", 2) == [
        "10-26 01:30",
        "10-27 01:30",
    ]


def test_every_hour_stays_every_hour_when_clocks_change() -> None:
    after = datetime(2026, 10, 24, 20, tzinfo=UTC)
    found = list(islice(times("0 * * * *", "Europe/Berlin", after), 10))
    assert {later - at for at, later in pairwise(found)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("", "UTC"),
        ("every night", "UTC"),
        ("60 2 * * *", "UTC"),
        ("0 0 31 2 *", "UTC"),
        ("0 2 * * * *  * *", "UTC"),
        ("0 2 * * *", "Mars/Olympus"),
        ("0 2 * * *", "../../etc/passwd"),
        ("0 2 * * *", ""),
    ],
)
def test_what_can_never_be_due_is_refused(text: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        next(times(text, zone, datetime(2026, 1, 1, tzinfo=UTC)))


def test_of_several_that_were_missed_the_last_counts() -> None:
    after, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 4, 12, tzinfo=UTC)
    assert due("0 2 * * *", "UTC", after, until) == datetime(2026, 1, 4, 2, tzinfo=UTC)
    assert due("0 2 * * *", "UTC", until, until + timedelta(hours=1)) is None


def test_it_is_said_in_words() -> None:
    assert explain("0 2 * * *", "Europe/Berlin") == "At 02:00 every day (Europe/Berlin)"
