"""Whether the Orthancs on a shared index forward by the same rules, since any of them may take a study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Sequence

from orthanc_console.plugin.warnings import Warnings
from routing.plugin.matcher import Rule

CODE = "shared_rules"
# Seconds for which two may differ, because one has a new configuration before the other.
PATIENCE = 30.0


class Agreement:
    """Compares what this Orthanc obeys with what others write into their claims.

    Attributes:
        orders: stands for the rules and their destinations that are in force here.
    """

    def __init__(self, warnings: Warnings) -> None:
        self._warnings = warnings
        self._differs_since: dict[str, float] = {}
        self.orders = ""

    def obey(self, rules: Sequence[Rule], destinations: Container[int]) -> None:
        """Other rules are in force here.

        Args:
            destinations: identifiers of those that this Orthanc can send to.
        """
        known = [
            (r.id, r.revision, r.enforcement, [d for d in r.destinations if d in destinations])
            for r in rules
        ]
        self.orders = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:12]
        self._differs_since.clear()

    def compare(self, owner: str, orders: str, now: float) -> None:
        """Another Orthanc has just written a claim.

        Args:
            orders: what it obeyed.
            now: seconds of a clock that never jumps.
        """
        if orders == self.orders:
            self._differs_since.pop(owner, None)
            if not self._differs_since:
                self._warnings.clear(CODE)
        elif now - self._differs_since.setdefault(owner, now) > PATIENCE:
            self._warnings.set(
                CODE,
                "Another Orthanc on this index forwards by other rules, or cannot send to the same destinations: where a study "
                "goes depends on which of them takes it. Give every rule and destination to all nodes that share the index.",
            )
