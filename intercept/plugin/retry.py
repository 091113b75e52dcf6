"""When a webhook is tried again, and what an answer to it means. Pure: no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from intercept.plugin.caller import Reply

# Seconds before the second, third, ... attempt; after the last one it is given up.
PAUSES = (5, 30, 300, 1800, 7200, 18000, 36000)
JITTER = 0.2
# However long a receiver asks to be left alone.
LONGEST_PAUSE = 24 * 3600.0
GONE = 410
# Of the answers 4xx, those that say "not now" rather than "no" (RFC 9110, RFC 6585).
NOT_NOW = (408, 425, 429)
TRY_AGAIN_LATER = (429, 503)


@dataclass(frozen=True)
class Next:
    """What becomes of a delivery after an attempt.

    Attributes:
        pause: seconds until the next attempt; None when there is none.
    """

    state: str
    reason: str = ""
    pause: float | None = None


def after(reply: Reply, mode: str, tries: int, now: float, once: bool = False) -> Next:
    """What becomes of a delivery.

    Args:
        tries: attempts so far, since the delivery was last asked for.
        now: seconds since the epoch, for a Retry-After that names a date.
        once: whether it is not to be tried again whatever happens, as a test.
    """
    if reply.ok:
        return Next("delivered")
    if reply.status == GONE:
        return Next("failed", "target_gone")
    if mode == "gate" and is_a_no(reply):
        return Next("refused")
    if once:
        return Next("failed", "test")
    if tries > len(PAUSES):
        return Next("failed", "gave_up")
    return Next("waiting", "", max(pause_after(tries), _asked_for(reply, now)))


def is_a_no(reply: Reply) -> bool:
    """Whether a gate's receiver has said no, which is an answer and needs no other attempt."""
    return reply.status is not None and 400 <= reply.status < 500 and reply.status not in NOT_NOW


def pause_after(tries: int) -> float:
    """Seconds to wait after this many attempts, with jitter so that what failed together spreads out."""
    base = PAUSES[min(max(tries, 1), len(PAUSES)) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311


def _asked_for(reply: Reply, now: float) -> float:
    """Seconds that the receiver asks for by Retry-After (RFC 9110 section 10.2.3); 0 if it does not."""
    if reply.status not in TRY_AGAIN_LATER:
        return 0.0
    given = next((v for k, v in reply.headers.items() if k.lower() == "retry-after"), "").strip()
    if given.isascii() and given.isdigit():
        return min(float(given[:9]), LONGEST_PAUSE)
    try:
        return min(max(parsedate_to_datetime(given).timestamp() - now, 0.0), LONGEST_PAUSE)
    except (ValueError, OverflowError):
        return 0.0
