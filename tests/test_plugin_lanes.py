from __future__ import annotations

import pytest

from routing.plugin import retry
from routing.plugin.lanes import PROBE_PAUSES, TRUST, Lane


def test_a_quiet_lane_is_probed_before_its_first_job() -> None:
    lane = Lane(1)
    assert not lane.trusted(now=0)
    assert lane.may_probe(now=0)
    lane.answered(now=0)
    assert lane.trusted(now=TRUST - 1)
    assert not lane.trusted(now=TRUST + 1)


def test_a_lane_that_is_sending_needs_no_probe() -> None:
    lane = Lane(1, in_flight=1)
    assert lane.trusted(now=10 * TRUST)


def test_no_job_starts_after_a_failure_until_a_probe_was_answered() -> None:
    lane = Lane(1, in_flight=1)
    lane.answered(now=0)
    lane.fell_silent(now=1, error="refused")
    assert not lane.trusted(now=1)
    assert not lane.may_probe(now=1)
    assert lane.may_probe(now=1 + PROBE_PAUSES[0])
    assert lane.answered(now=4)
    assert lane.trusted(now=4)


def test_probes_of_a_dead_destination_become_rarer_but_not_rarer_than_ten_seconds() -> None:
    lane = Lane(1)
    pauses = []
    for _ in range(20):
        lane.fell_silent(now=0, error="refused")
        pauses.append(lane.next_probe)
    assert pauses == sorted(pauses)
    assert pauses[-1] == PROBE_PAUSES[-1] <= 10


def test_there_is_never_more_than_one_probe() -> None:
    lane = Lane(1, probing=True)
    assert not lane.may_probe(now=100)


def test_it_names_the_state_of_a_lane() -> None:
    assert Lane(1).state(waiting=0, held=False) == "idle"
    assert Lane(1).state(waiting=3, held=False) == "waiting"
    assert Lane(1, in_flight=1).state(waiting=3, held=False) == "sending"
    assert Lane(1, last_error="refused").state(waiting=3, held=False) == "failing"
    assert Lane(1, problem="refused").state(waiting=0, held=False) == "failing"
    assert Lane(1).state(waiting=3, held=True) == "held"


def test_pauses_grow_from_ten_seconds_to_an_hour_and_stay_there() -> None:
    for attempts, base in enumerate(retry.PAUSES, start=1):
        pauses = [retry.pause_after(attempts) for _ in range(200)]
        assert min(pauses) >= base * (1 - retry.JITTER)
        assert max(pauses) <= base * (1 + retry.JITTER)
        assert len(set(pauses)) > 100
    assert retry.pause_after(1000) <= retry.LONGEST_PAUSE


def test_only_what_no_attempt_can_mend_is_permanent() -> None:
    assert retry.Failure(2014, "Unable to determine the SOP class/instance").permanent
    assert not retry.Failure(9, "Connection refused").permanent
    assert retry.Failure(9, "Connection refused").unreachable
    assert not retry.Failure(0, "").permanent


NO_CONNECTION = (
    'DicomAssociation - connecting to AET "X": TCP Initialization Error: Connection refused'
)
BROKEN_OFF = 'DicomAssociation - C-STORE to AET "X": Peer aborted Association (or never connected)'
REFUSED = 'C-STORE SCU to AET "X" has failed with DIMSE status 0xA700'


@pytest.mark.parametrize(
    ("words", "silent", "unreachable"),
    [
        (NO_CONNECTION, True, True),
        ("libCURL error: Timeout was reached", True, True),
        (BROKEN_OFF, True, False),
        (REFUSED, False, False),
        ("Error in the network protocol", False, False),
    ],
)
def test_only_what_was_not_reached_is_tried_again_as_soon_as_a_probe_is_answered(
    words: str, silent: bool, unreachable: bool
) -> None:
    failure = retry.Failure(retry.NETWORK, words)
    assert (failure.silent, failure.unreachable) == (silent, unreachable)


def test_a_lane_that_was_refused_something_goes_on_and_says_so() -> None:
    lane = Lane(1)
    lane.answered(now=0)
    lane.refused(REFUSED)
    assert lane.trusted(now=1) and lane.breaker == "closed"
    assert lane.state(waiting=1, held=False) == "failing"
    lane.answered(now=2)
    assert lane.state(waiting=1, held=False) == "waiting"
