"""Sends deliveries by jobs of Orthanc, lane by lane. Everything is written to the state file before it is done."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown, OrthancError
from routing.plugin import attempts, retry
from routing.plugin.lanes import Lane
from routing.plugin.matcher import Destination
from routing.plugin.store import Delivery, DeliveryStore
from routing.plugin.transports import TRANSPORTS, Outcome, job_outcome, reachable

IDLE_LOOK = 0.25
FIRST_POLL = 0.004
LONGEST_POLL = 0.25


class Sender:
    """Owns the lanes and the jobs in flight. `step` runs in one thread; probes run in threads of their own.

    Args:
        workers: how many jobs Orthanc runs at once (`ConcurrentJobs`); never more are started.
    """

    def __init__(self, store: DeliveryStore, orthanc: OrthancClient, workers: int) -> None:
        self._store = store
        self._orthanc = orthanc
        self._workers = workers
        self._lock = threading.RLock()
        self._destinations: Mapping[int, Destination] = {}
        self._lanes: dict[int, Lane] = {}
        self._flying: dict[str, Delivery] = {}
        self._recovered = False
        self._reconfigured = False
        self.wake = threading.Event()

    def configure(self, destinations: Mapping[int, Destination]) -> None:
        """Obey a new list of destinations; a lane whose destination did not change keeps what it knows."""
        with self._lock:
            for ident, destination in destinations.items():
                if self._destinations.get(ident) != destination:
                    flying = sum(d.destination == ident for d in self._flying.values())
                    ready = destination.source == "orthanc"
                    self._lanes[ident] = Lane(ident, ready=ready, in_flight=flying)
            self._destinations = destinations
            self._lanes = {i: lane for i, lane in self._lanes.items() if i in destinations}
            self._reconfigured = True
        self.wake.set()

    def known_to_orthanc(self, destination: int, problem: str) -> None:
        """Orthanc was told of the destination, or refuses it itself for the reason `problem`."""
        with self._lock:
            if lane := self._lanes.get(destination):
                lane.ready, lane.problem = not problem, problem
        self.wake.set()

    def problem(self, destination: int) -> str | None:
        """Why Orthanc refuses the destination; empty when it takes it, None while it was not told yet."""
        with self._lock:
            lane = self._lanes.get(destination)
            return None if lane is None or not (lane.ready or lane.problem) else lane.problem

    def step(self) -> float:
        """Look after the jobs in flight and start new ones. Returns seconds until the next look."""
        with self._lock:
            if not self._recovered:
                self._recover()
            if self._reconfigured:
                self._hold_and_release()
            self._poll()
            self._fill()
            youngest = max((d.started_at or 0 for d in self._flying.values()), default=None)
        if youngest is None:
            return IDLE_LOOK
        return min(max((clock.now() - youngest) / 10, FIRST_POLL), LONGEST_POLL)

    def _recover(self) -> None:
        """Take up the jobs that were in flight when the process ended; Orthanc keeps most of them."""
        for delivery in self._store.in_state("sending"):
            if delivery.job_id:
                self._take_off(delivery)
            else:
                lost = Outcome(
                    "lost", error="Orthanc ended before the job was known to have begun."
                )
                attempts.end(self._store, delivery, lost)
        self._recovered = True

    def _take_off(self, delivery: Delivery) -> None:
        self._flying[delivery.id] = delivery
        if lane := self._lanes.get(delivery.destination):
            lane.in_flight += 1

    def _hold_and_release(self) -> None:
        """What waits for a destination that is paused is held, and the other way round; what lost its destination ends."""
        for delivery in self._store.in_state("waiting", "held"):
            destination = self._destinations.get(delivery.destination)
            if destination is None:
                gone = "destination_removed"
                self._store.change(delivery, state="cancelled", reason=gone, next_attempt_at=None)
            elif (delivery.reason if delivery.state == "held" else "") != destination.hold_reason:
                reason = destination.hold_reason
                self._store.change(delivery, state="held" if reason else "waiting", reason=reason)
        self._reconfigured = False

    def _poll(self) -> None:
        for delivery in list(self._flying.values()):
            outcome = job_outcome(self._orthanc, delivery.job_id)
            if outcome.state != "running":
                self._land(delivery, outcome)

    def _land(self, delivery: Delivery, outcome: Outcome) -> None:
        ended = attempts.end(self._store, delivery, outcome)
        self._flying.pop(delivery.id, None)
        lane = self._lanes.get(delivery.destination)
        if lane is None:
            return
        lane.in_flight = max(0, lane.in_flight - 1)
        if ended.state == "delivered":
            lane.last_success_at = ended.delivered_at
            lane.answered(time.monotonic())
        elif ended.unreachable:
            lane.fell_silent(time.monotonic(), outcome.error)

    def _fill(self) -> None:
        """Start jobs, one from each lane in turn, so that a long queue does not push a short one back."""
        busy = set(self._store.counts())
        started = bool(busy)
        while started and len(self._flying) < self._workers:
            started = False
            for lane in sorted(self._lanes.values(), key=lambda lane: lane.in_flight):
                if lane.destination in busy and len(self._flying) < self._workers:
                    started |= self._start_one(lane, alone=busy == {lane.destination})

    def _start_one(self, lane: Lane, alone: bool) -> bool:
        """Start the next delivery of a lane, or probe its destination first. Returns whether there may be more to do."""
        destination = self._destinations[lane.destination]
        # While others have work too, a lane leaves them one worker.
        share = self._workers if alone else max(1, self._workers - 1)
        full = lane.in_flight >= min(destination.max_in_flight, share)
        if destination.hold_reason or not lane.ready or full:
            return False
        delivery = self._store.next_due(lane.destination, clock.now(), retry.LONGEST_PAUSE)
        if delivery is None:
            return False
        now = time.monotonic()
        if lane.trusted(now):
            self._submit(destination, delivery)
            return True
        if lane.may_probe(now):
            lane.probing = True
            threading.Thread(target=self._probe, args=(lane, destination), daemon=True).start()
        return False

    def _probe(self, lane: Lane, destination: Destination) -> None:
        try:
            error = reachable(self._orthanc, destination.kind, destination.name)
        except OrthancDown as down:
            error = f"The probe was not answered: {down}"
        with self._lock:
            lane.probing = False
            if error:
                lane.fell_silent(time.monotonic(), error)
            elif lane.answered(time.monotonic()):
                self._store.release(lane.destination)
        self.wake.set()

    def _submit(self, destination: Destination, delivery: Delivery) -> None:
        try:
            resources, delivery = attempts.resources_of(self._orthanc, self._store, delivery)
        except attempts.StudyGone:
            self._store.change(delivery, state="failed", reason="study_gone", next_attempt_at=None)
            return
        delivery = attempts.begin(self._store, delivery)
        self._take_off(delivery)
        transport = TRANSPORTS[destination.kind]
        try:
            job_id = transport.submit(self._orthanc, destination.name, resources)
        except OrthancDown as down:
            self._land(delivery, Outcome("failed", error=str(down)))
            return
        except OrthancError as error:
            self._land(delivery, Outcome("failed", code=error.code, error=str(error)))
            return
        self._flying[delivery.id] = self._store.has_job(delivery, job_id)

    def cancel(self, ident: str) -> str:
        """Cancel a delivery that is not over. Returns why not, or an empty text."""
        with self._lock:
            delivery = self._flying.get(ident) or self._store.get(ident)
            if delivery is None:
                return "The node does not know this delivery."
            if delivery.state == "sending":
                self._stop_job(delivery)
            elif delivery.state not in ("waiting", "held", "failed"):
                return f"It is {delivery.state} already."
            self._store.change(delivery, state="cancelled", reason="by_hand", next_attempt_at=None)
        return ""

    def _stop_job(self, delivery: Delivery) -> None:
        # A job that has ended meanwhile cannot be cancelled, and what it sent cannot be taken back.
        with contextlib.suppress(OrthancError):
            self._orthanc.post(f"/jobs/{delivery.job_id}/cancel", {})
        self._flying.pop(delivery.id, None)
        if lane := self._lanes.get(delivery.destination):
            lane.in_flight = max(0, lane.in_flight - 1)

    def retry(self, ident: str) -> str:
        """Make a delivery due now. Returns why not, or an empty text."""
        with self._lock:
            delivery = self._store.get(ident)
            if delivery is None:
                return "The node does not know this delivery."
            if delivery.state not in ("waiting", "failed", "cancelled", "skipped"):
                return f"It is {delivery.state} already."
            destination = self._destinations.get(delivery.destination)
            if destination is None:
                return "Its destination is not there any more."
            hold = destination.hold_reason
            self._store.change(
                delivery,
                state="held" if hold else "waiting",
                reason=hold,
                next_attempt_at=None,
                first_failed_at=None,
            )
            self._lanes[delivery.destination].next_probe = 0.0
        self.wake.set()
        return ""

    def status(self) -> list[dict[str, Any]]:
        """The lanes as docs/protocol.md shows them."""
        with self._lock:
            lanes = [(lane, self._destinations[i]) for i, lane in self._lanes.items()]
        counts = self._store.counts()
        shown = []
        for lane, destination in lanes:
            waiting, sending, due = counts.get(lane.destination, (0, 0, None))
            shown.append(
                {
                    "destination": lane.destination,
                    "state": lane.state(waiting, bool(destination.hold_reason)),
                    "waiting": waiting,
                    "in_flight": sending,
                    "next_attempt_at": clock.iso(due),
                    "last_success_at": clock.iso(lane.last_success_at),
                    "last_error": lane.last_error,
                    "problem": lane.problem,
                }
            )
        return shown
