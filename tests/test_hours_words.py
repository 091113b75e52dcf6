"""Hours of the week are read back as a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import hours
from routing.explain.hours import sentence

BY = ", by the clock of Orthanc's server"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mon-fri 22:00-06:00", "Monday to Friday from 22:00 to 06:00 the next day"),
        ("22:00-06:00", "every day from 22:00 to 06:00 the next day"),
        ("sat 00:00-24:00", "Saturday all day"),
        ("sat-mon 08:00-12:30", "Saturday to Monday from 08:00 to 12:30"),
        ("mon 12:00-24:00", "Monday from 12:00 to 24:00"),
        ("mon 1:00-2:00, thu-fri 1:00-2:00", "Monday, Thursday, Friday from 01:00 to 02:00"),
        (
            "mon-fri 22:00-06:00, sat 00:00-24:00",
            "Monday to Friday from 22:00 to 06:00 the next day; Saturday all day",
        ),
    ],
)
def test_hours_become_words(text: str, words: str) -> None:
    assert sentence(text) == words + BY


def test_no_hours_mean_always() -> None:
    assert sentence("") == "at any time"


DAY = st.sampled_from(hours.DAYS)
TIME = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@given(st.lists(st.builds("{}-{} {}-{}".format, DAY, DAY, TIME, TIME), max_size=5))
def test_whatever_can_be_read_can_be_said(windows: list[str]) -> None:
    said = sentence(", ".join(windows))
    assert said.endswith(BY) or not windows


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(hours.HoursError):
        sentence("whenever")
