"""Puts routing together inside Orthanc."""

from __future__ import annotations

import threading

from orthanc_console.plugin import clock
from orthanc_console.plugin.core import Built, Core
from orthanc_console.plugin.worker import Worker
from routing.plugin.agreement import Agreement
from routing.plugin.changes import SETTLE_MARGIN, ChangeReader
from routing.plugin.claims import SCHEMA as CLAIM_SCHEMA
from routing.plugin.claims import Claims
from routing.plugin.departures import Departures
from routing.plugin.growth import Growth
from routing.plugin.holdings import Holdings
from routing.plugin.inventory import Inventory
from routing.plugin.recall import Recall
from routing.plugin.router import Router
from routing.plugin.sender import Sender
from routing.plugin.store import SCHEMA as STORE_SCHEMA
from routing.plugin.store import DeliveryStore
from routing.plugin.verify import Verifier

__all__ = ["SCHEMA", "build"]

SCHEMA = STORE_SCHEMA + CLAIM_SCHEMA
CHECKPOINT_EVERY = 5.0
FORGET_EVERY = 3600.0


def build(core: Core) -> Built:
    """The router and its threads: reading the change log, sending, verifying, listing destinations, housekeeping."""
    store = DeliveryStore(core.state)
    lock = threading.RLock()
    sender = Sender(store, core.orthanc, core.host.workers, lock)
    holdings = Holdings(core.orthanc, core.configuration)
    verifier = Verifier(store, core.orthanc, holdings, lock, sender.wake.set, sender.busy)
    inventory = Inventory(core.state, core.orthanc, sender)
    router = Router(core.state, store, core.orthanc, sender, verifier, inventory, core.warnings)
    router.commands |= Recall(core.state, store, router.read).commands
    departures = Departures(core.state, core.orthanc)
    claims = _claims(core, store, sender)
    reader = ChangeReader(
        core.state,
        core.orthanc,
        core.settings.state_directory,
        core.host.stable_age,
        router.decide,
        lambda: router.configured,
        claims.see if claims else None,
    )
    claiming = []
    if claims is not None:
        router.claims = claims
        sender.may_start = claims.may_send
        claiming = [Worker("claims", claims.step, core.warnings, claims.wake)]

    def checkpoint() -> float:
        reader.checkpoint(store.oldest_live_seq())
        return CHECKPOINT_EVERY

    def forget() -> float:
        store.forget_old(clock.now())
        return FORGET_EVERY

    return Built(
        router,
        [
            Worker("changes", reader.step, core.warnings),
            Worker("send", sender.step, core.warnings, sender.wake),
            Worker("verify", verifier.step, core.warnings, verifier.wake),
            Worker("destinations", inventory.step, core.warnings, inventory.wake),
            Worker("checkpoint", checkpoint, core.warnings),
            Worker("forget", forget, core.warnings),
            Worker("departures", departures.step, core.warnings),
            *claiming,
        ],
    )


def _claims(core: Core, store: DeliveryStore, sender: Sender) -> Claims | None:
    """None unless other Orthancs may use the same index."""
    if not core.host.shares_index:
        return None
    lease = core.settings.take_over_after
    growth = Growth(core.host.stable_age + SETTLE_MARGIN)
    agreement = Agreement(core.warnings)
    return Claims(core.state, store, core.orthanc, lease, growth, agreement, sender.let_go)
