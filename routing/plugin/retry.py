"""When a failed delivery is tried again, and which failures are final. Pure: no I/O."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

# Seconds before the second, third, ... attempt; the last one repeats.
PAUSES = (10, 30, 60, 120, 300, 600, 1200, 2400, 3600)
JITTER = 0.2
LONGEST_PAUSE = PAUSES[-1] * (1 + JITTER)
GIVE_UP_AFTER = 7 * 24 * 3600

# Orthanc's error codes (Enumerations.h of its framework). 2014: the file has no SOP class or instance, which no attempt can mend.
PERMANENT = {2014}
NETWORK = 9
# Of a peer that answered with an HTTP error, Orthanc says no more than the latter.
ANSWERED = re.compile(r"DIMSE status 0x|^Error in the network protocol$")


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
    def silent(self) -> bool:
        """The destination gave no answer, so it is probed before others are sent. A status, by DIMSE or by HTTP, is an answer."""
        return self.code == NETWORK and not ANSWERED.search(self.text)

    @property
    def unreachable(self) -> bool:
        """No connection came about, so a good answer to a probe is worth another try at once.

        A destination that breaks off what it is sent (many do so with callers that they do not know) answers probes all along.
        """
        return self.silent and "C-STORE to AET" not in self.text


def pause_after(attempts: int) -> float:
    """Seconds to wait after this many attempts, with jitter so that deliveries that failed together spread out."""
    base = PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
