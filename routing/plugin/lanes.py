"""One lane for each destination: its limit, its breaker, and when it is probed. Pure but for the clock that is handed in.

A lane that was quiet or failing is probed before its first job. So a dead destination never holds one of Orthanc's few job
workers for its time-outs, and never delays another lane.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Seconds for which a good answer of the destination holds.
TRUST = 60.0
# Seconds that a job of several small studies should last at most; a shorter one than the other is not worth its start.
TOGETHER = 2.0
WORTH_A_JOB = 0.1
# Instances in a job that cost Orthanc the least processor time each: fewer need more associations, and more a longer list.
CHEAPEST = 100
# Instances a second before any was sent: a careful guess.
FIRST_SPEED = 10.0
# Seconds for which each study is sent alone after one of several made their job fail.
ALONE = 600.0
# Seconds between two probes of a destination that does not answer.
PROBE_PAUSES = (2.0, 4.0, 8.0, 10.0)


@dataclass
class Lane:
    """State of one lane. Times are monotonic seconds unless said otherwise.

    Only what costs a probe if it is forgotten is kept here; what may not be forgotten is in the state file.
    """

    destination: int
    # Whether Orthanc knows the destination; those of the console are written into it first.
    ready: bool = True
    in_flight: int = 0
    answered_at: float | None = None
    probing: bool = False
    failed_probes: int = 0
    next_probe: float = 0.0
    last_error: str = ""
    problem: str = ""
    last_success_at: float | None = None  # by the wall clock, for display
    progress: dict[str, int] = field(default_factory=dict)  # percent of each job in flight
    speed: float = FIRST_SPEED  # instances a second of the last job
    alone_until: float = 0.0

    def trusted(self, now: float) -> bool:
        """Whether jobs may be started: the destination answered lately, or is taking images at this moment."""
        if self.failed_probes:
            return False
        recent = self.answered_at is not None and now - self.answered_at < TRUST
        return recent or self.in_flight > 0

    @property
    def least(self) -> int:
        """How many instances of small studies may go in one job although a free worker could take some of them."""
        return int(self.speed * WORTH_A_JOB)

    @property
    def most(self) -> int:
        """How many instances of small studies go in one job: at most two seconds' worth, so that nobody waits long."""
        return min(int(self.speed * TOGETHER), CHEAPEST)

    def went_well(self, instances: int, seconds: float) -> None:
        """A job ended well; learn from it how fast the destination is."""
        self.speed = instances / max(seconds, 0.001)

    def send_alone(self, now: float) -> None:
        """One of several studies made their job fail, and others may do the same."""
        self.alone_until = now + ALONE

    def sends_alone(self, now: float) -> bool:
        """Whether each study goes in a job of its own, because one of several made their job fail lately."""
        return now < self.alone_until

    def may_probe(self, now: float) -> bool:
        """Whether it is time to ask; never twice at once."""
        return not self.probing and now >= self.next_probe

    def answered(self, now: float) -> bool:
        """The destination gave a good answer; returns whether it was failing before."""
        was_failing = self.failed_probes > 0 or bool(self.last_error)
        self.answered_at = now
        self.failed_probes = 0
        self.next_probe = 0.0
        self.last_error = ""
        return was_failing

    def fell_silent(self, now: float, error: str) -> None:
        """A probe or a job found that the destination cannot be reached: no job until a probe succeeds."""
        pause = PROBE_PAUSES[min(self.failed_probes, len(PROBE_PAUSES) - 1)]
        self.answered_at = None
        self.failed_probes += 1
        self.next_probe = now + pause
        self.last_error = error

    def refused(self, error: str) -> None:
        """The destination answered, but did not take what was sent; others of the lane may fare better."""
        self.last_error = error

    @property
    def breaker(self) -> str:
        """`open` while nothing is sent because the destination does not answer, else `closed`."""
        return "open" if self.failed_probes else "closed"

    def state(self, waiting: int, held: bool) -> str:
        """One word for the console."""
        if held:
            return "held"
        if self.last_error or self.problem:
            return "failing"
        if self.in_flight:
            return "sending"
        return "waiting" if waiting else "idle"
