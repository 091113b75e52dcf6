"""When a failed delivery is tried again, and which failures are final. Pure: no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Seconds before the second, third, ... attempt; the last one repeats.
PAUSES = (10, 30, 60, 120, 300, 600, 1200, 2400, 3600)
JITTER = 0.2
LONGEST_PAUSE = PAUSES[-1] * (1 + JITTER)
GIVE_UP_AFTER = 7 * 24 * 3600

# Orthanc's error codes (Enumerations.h of its framework). 2014: the file has no SOP class or instance, which no attempt can mend.
PERMANENT = {2014}
NETWORK = 9


@dataclass(frozen=True)
class Failure:
    """What became of an attempt that did not deliver.

    Attributes:
        code: Orthanc's error code.
        text: in Orthanc's and the destination's own words.
    """

    code: int
    text: str

    @property
    def permanent(self) -> bool:
        """Whether another attempt must end alike."""
        return self.code in PERMANENT

    @property
    def mixed_syntaxes(self) -> bool:
        """One job had images of one SOP class in several transfer syntaxes, which Orthanc 1.12 and later may not negotiate."""
        return "Cannot transcode" in self.text

    @property
    def unreachable(self) -> bool:
        """The destination was not reached at all or fell silent, so other deliveries would fail alike."""
        return self.code == NETWORK


def pause_after(attempts: int) -> float:
    """Seconds to wait after this many attempts, with jitter so that deliveries that failed together spread out."""
    base = PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
