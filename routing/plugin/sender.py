"""Sends deliveries by jobs of Orthanc, lane by lane. Everything is written to the state file before it is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown, OrthancError
from routing import hours
from routing.plugin import attempts, retry
from routing.plugin.deliveries import (
    Delivery,
    Flight,
    fair_share,
    flights,
    pack,
    together,
    unpack,
)
from routing.plugin.lanes import Lane
from routing.plugin.matcher import Destination
from routing.plugin.store import LIVE, DeliveryStore
from routing.plugin.transports import TRANSPORTS, Outcome, job_outcome, reachable

# Seconds between two looks for appointments that are due; whatever is new wakes the thread.
IDLE_LOOK = 1.0
FIRST_POLL = 0.004
LONGEST_POLL = 0.25
# Of the time between now and the start or the expected end of a job.
POLL_SHARE = 0.4
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
        self._flying: dict[str, Flight] = {}
        self._recovered = False
        # Without a configuration no destination is known, which does not mean that they were removed.
        self._configured = False
        self._review_at = 0.0
        self.wake = threading.Event()
        # Whether jobs may be started now; an Orthanc that shares its index may have to look first what is still its own.
        self.may_start: Callable[[], bool] = lambda: True

    def configure(self, destinations: Mapping[int, Destination]) -> None:
        """Obey a new list of destinations; a lane whose destination did not change keeps what it knows."""
        with self._lock:
            for ident, destination in destinations.items():
                if self.destinations.get(ident) != destination:
                    flying = sum(f.destination == ident for f in self._flying.values())
                    ready = destination.source == "orthanc"
                    self.lanes[ident] = Lane(ident, ready=ready, in_flight=flying)
            self.destinations = destinations
            self.lanes = {i: lane for i, lane in self.lanes.items() if i in destinations}
            self._configured = True
        self.review()

    def known_to_orthanc(self, destination: Destination, problem: str) -> None:
        """Orthanc was told of the destination, or refuses it itself for the reason `problem`."""
        with self._lock:
            # One that was changed meanwhile has to be told anew, or its images would go to the old address.
            if self.destinations.get(destination.id) == destination:
                lane = self.lanes[destination.id]
                lane.ready, lane.problem = not problem, problem
        self.wake.set()

    def problem(self, destination: int) -> str:
        """Why Orthanc refuses the destination itself; empty when it does not, or was not told yet."""
        lane = self.lanes.get(destination)
        return lane.problem if lane else ""

    def busy(self) -> bool:
        """Whether all of Orthanc's workers are sending."""
        return len(self._flying) >= self._workers

    def review(self) -> None:
        """There is something new: hold it if its destination is closed, else send it."""
        self._review_at = 0.0
        self.wake.set()

    def step(self) -> float:
        """Look after the jobs in flight and start new ones. Returns seconds until the next look."""
        with self._lock:
            if not self._recovered:
                self._recover()
            if self._configured and time.monotonic() >= self._review_at:
                self._hold_and_release()
            self._poll()
            self._fill()
            return self._until_next_look()

    def _until_next_look(self) -> float:
        """Seconds. Looks at a job are closest after its start and around its end, as far as its lane can expect that."""
        if not self._flying:
            return IDLE_LOOK
        now = clock.now()
        distances = [LONGEST_POLL / POLL_SHARE]
        for flight in self._flying.values():
            if lane := self.lanes.get(flight.destination):
                age = abs(now - flight.started_at)
                distances.append(min(age, abs(flight.instance_count / lane.speed - age)))
        return max(min(distances) * POLL_SHARE, FIRST_POLL)

    def _recover(self) -> None:
        """Take up the jobs that were in flight when the process ended; Orthanc keeps most of them."""
        for flight in flights(self._store.jobs()):
            self._take_off(flight)
            if not flight.job_id:
                lost = "Orthanc ended before the job was known to have begun."
                self._land(flight, Outcome("lost", error=lost))
            elif self._is_vain(flight):
                self._stop(flight)
        self._recovered = True

    def _take_off(self, flight: Flight) -> None:
        self._flying[flight.id] = flight
        if lane := self.lanes.get(flight.destination):
            lane.in_flight += 1

    def _hold_and_release(self) -> None:
        """What waits for a destination that is closed is held, and the other way round; what lost its destination ends."""
        self._review_at = time.monotonic() + HOURS_LOOK
        misplaced = [
            (delivery, destination)
            for destination in self.destinations.values()
            for delivery in self._store.misplaced(
                destination.id, destination.hold_reason(datetime.now())
            )
        ]
        gone = self._store.without_destination(self.destinations)
        with self._store.at_once():
            for delivery, destination in misplaced:
                self._hold_or_release(delivery, destination)
            for delivery in gone:
                reason = "destination_removed"
                self._store.change(delivery, state="cancelled", reason=reason, next_attempt_at=None)
        if misplaced or gone:
            # There may be more of them.
            self.review()

    def _hold_or_release(self, delivery: Delivery, destination: Destination) -> None:
        now = datetime.now()
        reason = destination.hold_reason(now)
        if reason == (delivery.reason if delivery.state == "held" else ""):
            return
        opening = None
        if not reason and (delivery.next_attempt_at or 0) > clock.now():
            opening = delivery.next_attempt_at
        elif reason == "outside_hours":
            opening = hours.parse(destination.hours).next_opening(now).timestamp()
        state = "held" if reason else "waiting"
        self._store.change(delivery, state=state, reason=reason, next_attempt_at=opening)

    def _poll(self) -> None:
        for flight in list(self._flying.values()):
            outcome = job_outcome(self._orthanc, flight.job_id)
            if outcome.state != "running":
                self._land(flight, outcome)
            elif lane := self.lanes.get(flight.destination):
                lane.progress[flight.id] = outcome.progress

    def _land(self, flight: Flight, outcome: Outcome) -> None:
        destination = self.destinations.get(flight.destination)
        with self._store.at_once():
            ended = attempts.end(self._store, flight, outcome, destination)
        self._flying.pop(flight.id, None)
        lane = self.lanes.get(flight.destination)
        if lane is None or destination is None:
            return
        lane.in_flight = max(0, lane.in_flight - 1)
        lane.progress.pop(flight.id, None)
        if outcome.state == "succeeded":
            lane.last_success_at = clock.now()
            lane.answered(time.monotonic())
            lane.went_well(flight.instance_count, clock.now() - flight.started_at)
        elif outcome.state == "failed" and retry.Failure(outcome.code, outcome.error).silent:
            lane.fell_silent(time.monotonic(), outcome.error)
        elif outcome.state == "failed":
            lane.refused(outcome.error)
            if len(flight.jobs) > 1 and flight.job_id:
                lane.send_alone(time.monotonic())
        for delivery in ended:
            if delivery.state == "waiting":
                self._hold_or_release(delivery, destination)

    def _fill(self) -> None:
        """Start jobs, one from each lane in turn, so that a long queue does not push a short one back."""
        started = self.may_start()
        while started and len(self._flying) < self._workers:
            lanes = [lane for lane in self.lanes.values() if self._can_go(lane)]
            started = False
            for lane in sorted(lanes, key=lambda lane: lane.in_flight):
                if len(self._flying) < self._workers:
                    started |= self._start_one(lane, alone=len(lanes) == 1)

    def _can_go(self, lane: Lane) -> bool:
        """Whether a lane has something to send now and its destination answers; one that was quiet is asked."""
        destination = self.destinations[lane.destination]
        if not lane.ready or destination.hold_reason(datetime.now()):
            return False
        now = time.monotonic()
        trusted = lane.trusted(now)
        if not trusted and not lane.may_probe(now):
            return False
        if self._store.next_due(lane.destination, clock.now(), retry.LONGEST_PAUSE) is None:
            return False
        if not trusted:
            lane.probing = True
            threading.Thread(target=self._probe, args=(lane, destination), daemon=True).start()
        return trusted

    def _start_one(self, lane: Lane, alone: bool) -> bool:
        """Start the next job of a lane, unless it has its share. Returns whether there may be more to do."""
        destination = self.destinations[lane.destination]
        # While others have work too, a lane leaves them one worker.
        share = self._workers if alone else max(1, self._workers - 1)
        if lane.in_flight >= min(destination.max_in_flight, share):
            return False
        delivery = self._store.next_due(lane.destination, clock.now(), retry.LONGEST_PAUSE)
        if delivery is None:
            return False
        group = [delivery]
        if TRANSPORTS[destination.kind].together and not lane.sends_alone(time.monotonic()):
            group = self._with_others(lane, delivery, share)
        if len(group) == 1:
            self._submit_part(destination, delivery)
        else:
            self._submit_together(destination, group)
        return True

    def _with_others(self, lane: Lane, first: Delivery, workers: int) -> list[Delivery]:
        """The delivery whose turn it is and those that go along in its job."""
        share = fair_share(self._store.count_small_ones(lane.destination), workers)
        small = self._store.small_ones(lane.destination, max(share, lane.least, 1))
        if not small or small[0].id != first.id:
            return [first]
        return together(small, share, lane.least, lane.most)

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

    def _submit_part(self, destination: Destination, delivery: Delivery) -> None:
        """Send as much of one delivery as goes in one job."""
        try:
            delivery, part, resources = attempts.next_part(
                self._orthanc, self._store, delivery, TRANSPORTS[destination.kind].part
            )
        except attempts.StudyGone:
            self._store.gone(delivery)
            return
        except OrthancError as error:
            # One study that Orthanc cannot read must not stop the others.
            self._put_off(delivery, error)
            return
        job = self._store.begin(delivery, pack(part), clock.now())
        self._submit(destination, Flight((job,)), resources)

    def _put_off(self, delivery: Delivery, error: OrthancError) -> None:
        failures = delivery.failures + 1
        self._store.change(
            delivery,
            failures=failures,
            next_attempt_at=clock.now() + retry.pause_after(failures),
            last_error=str(error),
        )

    def _submit_together(self, destination: Destination, group: list[Delivery]) -> None:
        """Send several small deliveries in one job, so in one association. If images are gone, it fails and each goes alone."""
        now = clock.now()
        with self._store.at_once():
            jobs = [self._store.begin(delivery, delivery.instances, now) for delivery in group]
        resources = [i for delivery in group for i in sorted(unpack(delivery.instances))]
        self._submit(destination, Flight(tuple(jobs)), resources)

    def _submit(self, destination: Destination, flight: Flight, resources: list[str]) -> None:
        self._take_off(flight)
        try:
            job_id = TRANSPORTS[destination.kind].submit(self._orthanc, destination.name, resources)
        except OrthancDown as down:
            self._land(flight, Outcome("failed", error=str(down)))
        except OrthancError as error:
            self._land(flight, Outcome("failed", code=error.code, error=str(error)))
        else:
            self._flying[flight.id] = self._store.has_job(flight, job_id)

    def cancel(self, ident: str, reason: str = "by_hand") -> str:
        """Cancel a delivery that is not over. Returns why not, or an empty text."""
        with self._lock:
            delivery = self._store.get(ident)
            if delivery is None:
                return "The node does not know this delivery any more."
            if delivery.state not in ("waiting", "held", "failed", "sending"):
                return f"It is {delivery.state} already."
            # First the state, so that a job that ends meanwhile changes nothing.
            self._store.change(delivery, state="cancelled", reason=reason, next_attempt_at=None)
            for flight in list(self._flying.values()):
                if any(job.delivery == ident for job in flight.jobs) and self._is_vain(flight):
                    self._stop(flight)
        return ""

    def _is_vain(self, flight: Flight) -> bool:
        """Whether nothing that the job carries has to be sent any more; one that carries others, too, goes on."""
        carried = [self._store.get(job.delivery) for job in flight.jobs]
        return not any(delivery and delivery.state in LIVE for delivery in carried)

    def let_go(self, study: str) -> None:
        """Another Orthanc delivers what rules wanted of this study. What was sent by hand goes on."""
        for delivery in self._store.of_study(study):
            if delivery.cause == "rule" and delivery.state in LIVE:
                self.cancel(delivery.id, "taken_over")

    def _stop(self, flight: Flight) -> None:
        try:
            self._orthanc.post(f"/jobs/{flight.job_id}/cancel", {})
        except OrthancError as error:
            # It has ended meanwhile; what it sent cannot be taken back.
            self._land(flight, Outcome("failed", error=str(error)))
        else:
            self._land(flight, Outcome("failed", error="Cancelled."))

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
