"""The queue of the plugin's state file: whose turn it is, what goes together, and that a long queue costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orthanc_console.plugin.state import State
from routing.plugin import attempts, deliveries, store
from routing.plugin.deliveries import Delivery, Flight, fair_share, flights, pack, together
from routing.plugin.store import DeliveryStore
from routing.plugin.transports import Outcome

NOW = 1_000_000.0
HORIZON = 3600.0


def orthanc_id(text: str) -> str:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[n : n + 8] for n in range(0, 40, 8))


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, [store.SCHEMA])


@pytest.fixture
def queue(state: State) -> DeliveryStore:
    return DeliveryStore(state)


def add(file: State, queue: DeliveryStore, study: str, size: int = 2, **values: Any) -> Delivery:
    instances = pack(orthanc_id(f"{study} {n}") for n in range(size))
    values = {"destination": 1, "created_at": NOW, "turn_at": NOW, **values}
    delivery = Delivery(
        study=orthanc_id(study), destination_name="x", instances=instances, **values
    )
    with file.transaction() as db:
        queue.add(db, delivery)
    return replace(delivery, unassigned=size)


def next_due(queue: DeliveryStore) -> str | None:
    found = queue.next_due(1, NOW, HORIZON)
    return found.id if found else None


def test_the_smallest_turn_goes_first_also_before_one_that_failed_later(
    state: State, queue: DeliveryStore
) -> None:
    second = add(state, queue, "second", turn_at=NOW + 2)
    first = add(state, queue, "first", turn_at=NOW + 1)
    assert next_due(queue) == first.id
    queue.change(first, next_attempt_at=NOW + 10)
    assert next_due(queue) == second.id
    queue.change(first, next_attempt_at=NOW - 10)
    assert next_due(queue) == first.id


def test_an_appointment_of_a_clock_that_has_jumped_is_kept_at_once(
    state: State, queue: DeliveryStore
) -> None:
    delivery = add(state, queue, "a", next_attempt_at=NOW + 10)
    assert next_due(queue) is None
    queue.change(delivery, next_attempt_at=NOW + 2 * HORIZON)
    assert next_due(queue) == delivery.id


def test_what_waits_for_a_closed_destination_is_misplaced_and_so_is_what_an_open_one_holds(
    state: State, queue: DeliveryStore
) -> None:
    waiting = add(state, queue, "waiting")
    held = add(state, queue, "held", state="held", reason="paused")
    add(state, queue, "elsewhere", destination=2)
    assert [d.id for d in queue.misplaced(1, "")] == [held.id]
    assert [d.id for d in queue.misplaced(1, "paused")] == [waiting.id]
    assert {d.id for d in queue.misplaced(1, "disabled")} == {waiting.id, held.id}
    assert [d.destination for d in queue.without_destination([1])] == [2]
    assert queue.without_destination([1, 2]) == []


def test_only_small_studies_that_were_not_refused_go_together(
    state: State, queue: DeliveryStore
) -> None:
    small = [add(state, queue, f"small {n}", turn_at=NOW + n) for n in range(3)]
    add(state, queue, "large", size=store.SMALL + 1)
    add(state, queue, "refused", failures=1)
    add(state, queue, "of several syntaxes", split=True)
    add(state, queue, "later", next_attempt_at=NOW + 10)
    add(state, queue, "asked first", ask_first=True)
    add(state, queue, "elsewhere", destination=2)
    back = add(state, queue, "back", failures=3, unreachable=True, turn_at=NOW + 9)
    assert [d.id for d in queue.small_ones(1, 100)] == [d.id for d in [*small, back]]
    assert [d.id for d in queue.small_ones(1, 2)] == [d.id for d in small[:2]]
    assert queue.count_small_ones(1) == 4


def test_a_group_leaves_enough_for_all_workers_and_keeps_to_its_size(
    state: State, queue: DeliveryStore
) -> None:
    waiting = [add(state, queue, str(n), size=5, turn_at=NOW + n) for n in range(40)]
    share = fair_share(len(waiting), workers=2)
    assert together(waiting, share, least=0, most=1000) == waiting[:10]
    assert together(waiting, share, least=0, most=12) == waiting[:2]
    assert together(waiting, share, least=0, most=1) == waiting[:1]
    assert together(waiting, fair_share(3, workers=2), least=0, most=1000) == waiting[:1]


def test_where_a_job_takes_longer_to_begin_than_to_send_more_go_together(
    state: State, queue: DeliveryStore
) -> None:
    waiting = [add(state, queue, str(n), size=5, turn_at=NOW + n) for n in range(40)]
    assert together(waiting, share=1, least=16, most=1000) == waiting[:3]
    assert together(waiting, share=1, least=16, most=12) == waiting[:2]


def fly(state: State, queue: DeliveryStore, studies: int) -> Flight:
    waiting = [add(state, queue, str(n)) for n in range(studies)]
    jobs = [queue.begin(d, d.instances, NOW) for d in waiting]
    return queue.has_job(Flight(tuple(jobs)), "job 1")


def test_a_job_of_several_studies_is_found_again_after_a_restart(
    state: State, queue: DeliveryStore
) -> None:
    flight = fly(state, queue, 3)
    alone = queue.begin(
        add(state, queue, "alone"), deliveries.pack([orthanc_id("alone 0")]), NOW + 1
    )
    found = {f.job_id: {job.id for job in f.jobs} for f in flights(queue.jobs())}
    assert found == {"job 1": {job.id for job in flight.jobs}, "": {alone.id}}


def test_a_job_that_sent_all_delivers_each_of_its_studies(
    state: State, queue: DeliveryStore
) -> None:
    ended = attempts.end(queue, fly(state, queue, 3), Outcome("succeeded", count=6), None)
    assert [(d.state, d.delivered_count) for d in ended] == [("delivered", 2)] * 3
    assert queue.jobs() == []


def test_a_job_that_sent_too_little_delivers_none_of_them(
    state: State, queue: DeliveryStore
) -> None:
    ended = attempts.end(queue, fly(state, queue, 3), Outcome("succeeded", count=5), None)
    assert {d.state for d in ended} == {"waiting"}


def test_a_refusal_lets_each_study_go_alone_at_once_even_if_it_looks_permanent(
    state: State, queue: DeliveryStore
) -> None:
    refused = Outcome("failed", code=2014, error="Unable to determine the SOP class/instance")
    ended = attempts.end(queue, fly(state, queue, 3), refused, None)
    assert [(d.state, d.next_attempt_at, d.failures) for d in ended] == [("waiting", None, 1)] * 3
    assert queue.small_ones(1, 100) == []
    assert next_due(queue) in {d.id for d in ended}


def test_silence_of_the_destination_makes_all_of_them_wait(
    state: State, queue: DeliveryStore
) -> None:
    silent = Outcome("failed", code=9, error="DicomModality: TCP Initialization Error")
    ended = attempts.end(queue, fly(state, queue, 3), silent, None)
    assert all(d.state == "waiting" and d.unreachable and d.next_attempt_at for d in ended)
    queue.release(1)
    assert len(queue.small_ones(1, 100)) == 3


def test_no_query_of_the_queue_reads_all_that_waits(state: State, queue: DeliveryStore) -> None:
    asked: list[str] = []
    state._db.set_trace_callback(asked.append)
    queue.next_due(1, NOW, HORIZON)
    queue.next_check(1, NOW, HORIZON)
    queue.small_ones(1, 100)
    queue.count_small_ones(1)
    queue.misplaced(1, "paused")
    queue.misplaced(1, "")
    queue.oldest_live_seq()
    state._db.set_trace_callback(None)
    steps = [step for sql in asked for step in plan(state, sql)]
    assert len(steps) >= len(asked) == 8
    assert [s for s in steps if s.startswith("SCAN delivery") and "INDEX" not in s] == []


def plan(state: State, sql: str) -> Iterator[str]:
    for row in state.read(f"EXPLAIN QUERY PLAN {sql}"):
        yield row["detail"]
