"""Sends deliveries by jobs of Orthanc, lane by lane. Everything is written to the state file before it is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown, OrthancError
from routing import hours
from routing.plugin import attempts, retry
from routing.plugin.deliveries import Delivery, Job
from routing.plugin.lanes import Lane
from routing.plugin.matcher import Destination
from routing.plugin.store import DeliveryStore
from routing.plugin.transports import TRANSPORTS, Outcome, job_outcome, reachable

IDLE_LOOK = 0.25
FIRST_POLL = 0.004
LONGEST_POLL = 0.25
# Seconds between two looks at the hours of destinations.
HOURS_LOOK = 20.0


class Sender:
    """Owns the lanes and the jobs in flight. `step` runs in one thread; probes run in threads of their own.

    Args:
        workers: how many jobs Orthanc runs at once (`ConcurrentJobs`); never more are started.
        lock: guards lanes and deliveries.
    """

    def __init__(
        self, store: DeliveryStore, orthanc: OrthancClient, workers: int, lock: threading.RLock
    ) -> None:
        self._store = store
        self._orthanc = orthanc
        self._workers = workers
        self._lock = lock
        self.destinations: Mapping[int, Destination] = {}
        self.lanes: dict[int, Lane] = {}
        self._flying: dict[str, Job] = {}
        self._recovered = False
        self._review_at = 0.0
        self.wake = threading.Event()

    def configure(self, destinations: Mapping[int, Destination]) -> None:
        """Obey a new list of destinations; a lane whose destination did not change keeps what it knows."""
        with self._lock:
            for ident, destination in destinations.items():
                if self.destinations.get(ident) != destination:
                    flying = sum(job.destination == ident for job in self._flying.values())
                    ready = destination.source == "orthanc"
                    self.lanes[ident] = Lane(ident, ready=ready, in_flight=flying)
            self.destinations = destinations
            self.lanes = {i: lane for i, lane in self.lanes.items() if i in destinations}
        self.review()

    def known_to_orthanc(self, destination: int, problem: str) -> None:
        """Orthanc was told of the destination, or refuses it itself for the reason `problem`."""
        with self._lock:
            if lane := self.lanes.get(destination):
                lane.ready, lane.problem = not problem, problem
        self.wake.set()

    def problem(self, destination: int) -> str:
        """Why Orthanc refuses the destination itself; empty when it does not, or was not told yet."""
        lane = self.lanes.get(destination)
        return lane.problem if lane else ""

    def review(self) -> None:
        """There is something new: hold it if its destination is closed, else send it."""
        self._review_at = 0.0
        self.wake.set()

    def step(self) -> float:
        """Look after the jobs in flight and start new ones. Returns seconds until the next look."""
        with self._lock:
            if not self._recovered:
                self._recover()
            if time.monotonic() >= self._review_at:
                self._hold_and_release()
            self._poll()
            self._fill()
            youngest = max((job.started_at for job in self._flying.values()), default=None)
        if youngest is None:
            return IDLE_LOOK
        return min(max((clock.now() - youngest) / 10, FIRST_POLL), LONGEST_POLL)

    def _recover(self) -> None:
        """Take up the jobs that were in flight when the process ended; Orthanc keeps most of them."""
        for job in self._store.jobs():
            self._take_off(job)
            if not job.job_id:
                lost = "Orthanc ended before the job was known to have begun."
                self._land(job, Outcome("lost", error=lost))
        self._recovered = True

    def _take_off(self, job: Job) -> None:
        self._flying[job.id] = job
        if lane := self.lanes.get(job.destination):
            lane.in_flight += 1

    def _hold_and_release(self) -> None:
        """What waits for a destination that is closed is held, and the other way round; what lost its destination ends."""
        self._review_at = time.monotonic() + HOURS_LOOK
        for delivery in self._store.in_state("waiting", "held"):
            destination = self.destinations.get(delivery.destination)
            if destination is None:
                gone = "destination_removed"
                self._store.change(delivery, state="cancelled", reason=gone, next_attempt_at=None)
            else:
                self._hold_or_release(delivery, destination)

    def _hold_or_release(self, delivery: Delivery, destination: Destination) -> None:
        now = datetime.now()
        reason = destination.hold_reason(now)
        if reason == (delivery.reason if delivery.state == "held" else ""):
            return
        opening = delivery.next_attempt_at if not reason else None
        if reason == "outside_hours":
            opening = hours.parse(destination.hours).next_opening(now).timestamp()
        state = "held" if reason else "waiting"
        self._store.change(delivery, state=state, reason=reason, next_attempt_at=opening)

    def _poll(self) -> None:
        for job in list(self._flying.values()):
            outcome = job_outcome(self._orthanc, job.job_id)
            if outcome.state != "running":
                self._land(job, outcome)
            elif lane := self.lanes.get(job.destination):
                lane.progress[job.id] = outcome.progress

    def _land(self, job: Job, outcome: Outcome) -> None:
        destination = self.destinations.get(job.destination)
        ended = attempts.end(self._store, job, outcome, destination)
        self._flying.pop(job.id, None)
        lane = self.lanes.get(job.destination)
        if lane is None or destination is None:
            return
        lane.in_flight = max(0, lane.in_flight - 1)
        lane.progress.pop(job.id, None)
        if outcome.state == "succeeded":
            lane.last_success_at = clock.now()
            lane.answered(time.monotonic())
        elif outcome.state == "failed" and retry.Failure(outcome.code, outcome.error).silent:
            lane.fell_silent(time.monotonic(), outcome.error)
        elif outcome.state == "failed":
            lane.refused(outcome.error)
        if ended.state == "waiting":
            self._hold_or_release(ended, destination)

    def _fill(self) -> None:
        """Start jobs, one from each lane in turn, so that a long queue does not push a short one back."""
        busy = set(self._store.counts())
        started = bool(busy)
        while started and len(self._flying) < self._workers:
            started = False
            for lane in sorted(self.lanes.values(), key=lambda lane: lane.in_flight):
                if lane.destination in busy and len(self._flying) < self._workers:
                    started |= self._start_one(lane, alone=busy == {lane.destination})

    def _start_one(self, lane: Lane, alone: bool) -> bool:
        """Start the next job of a lane, or probe its destination first. Returns whether there may be more to do."""
        destination = self.destinations[lane.destination]
        # While others have work too, a lane leaves them one worker.
        share = self._workers if alone else max(1, self._workers - 1)
        full = lane.in_flight >= min(destination.max_in_flight, share)
        if full or not lane.ready or destination.hold_reason(datetime.now()):
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
        transport = TRANSPORTS[destination.kind]
        try:
            delivery, part, resources = attempts.next_part(
                self._orthanc, self._store, delivery, transport.part
            )
        except attempts.StudyGone:
            self._store.change(
                delivery, state="failed", reason="study_gone", next_attempt_at=None, unassigned=0
            )
            return
        delivery, job = self._store.begin(delivery, part, clock.now())
        self._take_off(job)
        try:
            job_id = transport.submit(self._orthanc, destination.name, resources)
        except OrthancDown as down:
            self._land(job, Outcome("failed", error=str(down)))
        except OrthancError as error:
            self._land(job, Outcome("failed", code=error.code, error=str(error)))
        else:
            self._flying[job.id] = self._store.has_job(job, job_id)

    def cancel(self, ident: str) -> str:
        """Cancel a delivery that is not over. Returns why not, or an empty text."""
        with self._lock:
            delivery = self._store.get(ident)
            if delivery is None:
                return "The node does not know this delivery any more."
            if delivery.state not in ("waiting", "held", "failed", "sending"):
                return f"It is {delivery.state} already."
            # First the state, so that a job that ends meanwhile changes nothing.
            self._store.change(delivery, state="cancelled", reason="by_hand", next_attempt_at=None)
            for job in [job for job in self._flying.values() if job.delivery == ident]:
                self._stop(job)
        return ""

    def _stop(self, job: Job) -> None:
        try:
            self._orthanc.post(f"/jobs/{job.job_id}/cancel", {})
        except OrthancError as error:
            # It has ended meanwhile; what it sent cannot be taken back.
            self._land(job, Outcome("failed", error=str(error)))
        else:
            self._land(job, Outcome("failed", error="Cancelled by hand."))

    def retry(self, ident: str) -> str:
        """Make a delivery due now. Returns why not, or an empty text."""
        with self._lock:
            delivery = self._store.get(ident)
            if delivery is None:
                return "The node does not know this delivery any more."
            if delivery.state not in ("waiting", "failed", "cancelled", "skipped"):
                return f"It is {delivery.state} already."
            destination = self.destinations.get(delivery.destination)
            if destination is None:
                return "Its destination is not there any more."
            fresh = self._store.change(
                delivery,
                state="waiting",
                reason="",
                next_attempt_at=None,
                first_failed_at=None,
                failures=0,
                repairs=0,
                unassigned=len(self._store.unassigned(delivery)),
            )
            self._hold_or_release(fresh, destination)
            self.lanes[delivery.destination].next_probe = 0.0
        self.wake.set()
        return ""
