"""The lanes as the console and `GET /orthanc-console/status` show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orthanc_console.plugin import clock
from routing.plugin.sender import Sender
from routing.plugin.store import DeliveryStore


def lanes(sender: Sender, store: DeliveryStore) -> list[dict[str, Any]]:
    """`lanes` of docs/protocol.md."""
    counts = store.counts()
    shown = []
    for ident, lane in list(sender.lanes.items()):
        destination = sender.destinations.get(ident)
        if destination is None:
            continue
        waiting, sending, due = counts.get(ident, (0, 0, None))
        held = bool(destination.hold_reason(datetime.now()))
        shown.append(
            {
                "destination": ident,
                "state": lane.state(waiting, held),
                "breaker": lane.breaker,
                "waiting": waiting,
                "in_flight": sending,
                "progress": sorted(lane.progress.values(), reverse=True),
                "next_attempt_at": clock.iso(due),
                "last_success_at": clock.iso(lane.last_success_at),
                "last_error": lane.last_error,
                "problem": lane.problem,
            }
        )
    return shown
