"""Notices studies on a shared index that nobody calls stable, because the Orthanc that received them is gone. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

# Stable studies beyond which those that cannot matter any more are forgotten.
REMEMBERED = 10_000


class Growth:
    """Images that arrived lately, until the study that they belong to was looked at.

    Args:
        patience: seconds after which the Orthanc that received an image would have called its study stable.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        # By instance, in the order of the log: number in the change log, and when it was seen.
        self._arrived: dict[str, tuple[int, float]] = {}
        # By study: number of the newest change that called it stable.
        self._stable: dict[str, int] = {}

    def see(self, change: Mapping[str, Any], now: float) -> None:
        """Take note of a change of the log.

        Args:
            now: seconds of any clock that never jumps.
        """
        if change["ChangeType"] == "NewInstance":
            self._arrived[change["ID"]] = (int(change["Seq"]), now)
        elif change["ChangeType"] == "StableStudy":
            self._stable[change["ID"]] = int(change["Seq"])

    def overdue(self, now: float) -> str | None:
        """An instance whose study has to be looked at; None while there is none."""
        ident, (_seq, seen) = next(iter(self._arrived.items()), ("", (0, now)))
        return ident if now - seen > self._patience else None

    def forget(self, instance: str) -> None:
        """The instance was deleted."""
        self._arrived.pop(instance, None)

    def left_alone(self, study: str, instances: Collection[str], now: float) -> int | None:
        """The number of the change that brought the last image of a study, if nobody called it stable after that, else None.

        Forgets those images. A study of which something arrived lately is looked at again when that is overdue.

        Args:
            instances: all of the study.
        """
        known = {i: self._arrived.pop(i) for i in instances if i in self._arrived}
        newest = max(known.items(), key=lambda each: each[1], default=None)
        if newest is None:
            return None
        ident, (seq, seen) = newest
        if now - seen <= self._patience:
            # One stands for all. It keeps its time, but not its place: what stands before it is older, or as old.
            self._arrived[ident] = (seq, seen)
            return None
        alone = seq > self._stable.get(study, -1)
        self._tidy()
        return seq if alone else None

    def _tidy(self) -> None:
        if not self._arrived:
            self._stable.clear()
        elif len(self._stable) > REMEMBERED:
            oldest = min(seq for seq, _seen in self._arrived.values())
            self._stable = {s: seq for s, seq in self._stable.items() if seq >= oldest}
