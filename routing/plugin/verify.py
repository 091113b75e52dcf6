"""Asks destinations whether they have what was delivered, and sends again what they lost.

Also asks a peer before a study that may have come from it is sent back. Each destination is asked in a thread of its own, so
that a slow one delays no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient, OrthancDown
from routing.plugin import retry
from routing.plugin.deliveries import Delivery, pack, pieces, unpack
from routing.plugin.holdings import CannotTell, Holdings, Sample
from routing.plugin.matcher import Destination
from routing.plugin.store import DeliveryStore

# Seconds between two looks for checks that are due; whatever is new wakes the thread.
LOOK = 1.0
# While all workers send, a rest follows each question, as a multiple of the time that it took, and in seconds at most.
REST_SHARE = 3.0
LONGEST_REST = 1.0
# How often instances that a destination lost are sent again before a person has to look.
MAX_REPAIRS = 5


class Verifier:
    """Takes deliveries from `delivered` to `verified`, or back to `waiting` with what is missing.

    Args:
        lock: guards the deliveries against the sender.
        wake_sender: called when there is something to send.
        busy: whether all of Orthanc's workers are sending, which comes before asking.
    """

    def __init__(
        self,
        store: DeliveryStore,
        orthanc: OrthancClient,
        holdings: Holdings,
        lock: threading.RLock,
        wake_sender: Callable[[], None],
        busy: Callable[[], bool],
    ) -> None:
        self._store = store
        self._orthanc = orthanc
        self._holdings = holdings
        self._lock = lock
        self._wake_sender = wake_sender
        self._busy = busy
        self._destinations: Mapping[int, Destination] = {}
        self._asking: set[int] = set()
        self.wake = threading.Event()

    def configure(self, destinations: Mapping[int, Destination]) -> None:
        self._destinations = destinations

    def step(self) -> float:
        """Start a thread for each destination that has to be asked. Returns seconds until the next look."""
        for destination in self._destinations.values():
            if destination.id not in self._asking and self._next(destination) is not None:
                self._asking.add(destination.id)
                threading.Thread(target=self._ask, args=(destination,), daemon=True).start()
        return LOOK

    def _next(self, destination: Destination) -> Delivery | None:
        now = clock.now()
        first = self._store.next_due(destination.id, now, retry.LONGEST_PAUSE, ask_first=True)
        return first or self._store.next_check(destination.id, now, retry.LONGEST_PAUSE)

    def _ask(self, destination: Destination) -> None:
        try:
            while (delivery := self._next(destination)) is not None:
                began = time.monotonic()
                if delivery.check_at is not None:
                    self._check(destination, delivery)
                else:
                    self._ask_first(destination, delivery)
                if self._busy():
                    time.sleep(min(REST_SHARE * (time.monotonic() - began), LONGEST_REST))
        except OrthancDown:
            # Orthanc is stopping; what was to be asked stays in the state file.
            return
        except Exception:
            logger.exception("asking destination %s failed", destination.id)
        finally:
            self._asking.discard(destination.id)

    def _ask_first(self, destination: Destination, delivery: Delivery) -> None:
        """Nothing is sent to a peer that has it already."""
        try:
            present = self._present(destination, delivery)
        except CannotTell as error:
            logger.info("%s cannot be asked what it has: %s", destination.name, error)
            # Sending twice does no harm, not sending would.
            present = set()
        left = unpack(delivery.instances) - present
        if self._sent_there_from_here(destination, delivery):
            # It has the images from this node, by another of its addresses; that is no loop.
            values: dict[str, Any] = {}
        elif left:
            values = {"instances": pack(left), "unassigned": len(left)}
        else:
            values = {"state": "skipped", "reason": "already_there", "unassigned": 0}
        self._apply(delivery, ask_first=False, **values)
        self._wake_sender()

    def _sent_there_from_here(self, destination: Destination, delivery: Delivery) -> bool:
        """Whether this node sends the study to the same server as another destination, such as a modality beside a peer."""
        others = (
            self._destinations.get(other.destination)
            for other in self._store.of_study(delivery.study)
            if other.id != delivery.id and other.attempts
        )
        return any(o is not None and o.server == destination.server for o in others)

    def _check(self, destination: Destination, delivery: Delivery) -> None:
        try:
            missing = unpack(delivery.instances) - self._present(destination, delivery)
        except CannotTell as error:
            self._ask_again_later(delivery, str(error))
            return
        if not missing:
            self._apply(
                delivery, state="verified", verified_at=clock.now(), check_at=None, last_error=""
            )
        else:
            self._repair(delivery, missing)

    def _present(self, destination: Destination, delivery: Delivery) -> set[str]:
        """Those of the delivery's instances that the destination has.

        Raises:
            CannotTell: see `Holdings`, or the study is not here any more.
        """
        wanted = unpack(delivery.instances)
        if destination.kind == "peer":
            return wanted & self._holdings.of_peer(destination, delivery.study)
        try:
            study = self._orthanc.get(f"/studies/{delivery.study}")
            study_instance_uid = study["MainDicomTags"]["StudyInstanceUID"]
            if destination.kind == "modality" and destination.verify == "count":
                count = self._holdings.count(destination, study_instance_uid)
                if count is not None and count >= self._delivered_there(delivery):
                    return wanted
            instances = self._orthanc.get(f"/studies/{delivery.study}/instances?expand")
        except NotFound as error:
            raise CannotTell("The study is not in this Orthanc any more.") from error
        uids = {i["ID"]: i["MainDicomTags"]["SOPInstanceUID"] for i in instances}
        kept = {ident: uid for ident, uid in uids.items() if ident in wanted}
        return self._holdings.of(destination, Sample(study_instance_uid, kept))

    def _delivered_there(self, delivery: Delivery) -> int:
        """How many instances of the study the destination should have by now."""
        elsewhere = self._store.elsewhere(delivery.study).get(delivery.destination, b"")
        there = pieces(elsewhere)
        for other in self._store.of_study(delivery.study):
            if other.destination == delivery.destination:
                there |= pieces(other.sent)
        return len(there)

    def _repair(self, delivery: Delivery, missing: set[str]) -> None:
        total = delivery.instance_count
        lost = f"The destination accepted the images, but it has not {len(missing)} of {total}."
        if delivery.repairs >= MAX_REPAIRS:
            lost += f" They were sent {MAX_REPAIRS} times; look at the destination."
            values: dict[str, Any] = {"state": "failed", "reason": "not_verified"}
        else:
            pause = retry.pause_after(delivery.repairs) if delivery.repairs else 0.0
            values = {"state": "waiting", "next_attempt_at": clock.now() + pause}
        self._apply(
            delivery,
            sent=pack(unpack(delivery.sent) - missing),
            unassigned=len(missing),
            repairs=delivery.repairs + 1,
            delivered_at=None,
            check_at=None,
            last_error=lost,
            **values,
        )
        self._wake_sender()

    def _ask_again_later(self, delivery: Delivery, error: str) -> None:
        delivered = delivery.delivered_at or clock.now()
        over = clock.now() - delivered > retry.GIVE_UP_AFTER
        self._apply(
            delivery,
            checks=delivery.checks + 1,
            check_at=None if over else clock.now() + retry.pause_after(delivery.checks + 1),
            last_error=f"Delivered, but not verified{'' if over else ' yet'}: {error}",
        )

    def _apply(self, delivery: Delivery, **values: Any) -> None:
        """Change the delivery unless somebody else did while the destination was asked."""
        with self._lock:
            if self._store.get(delivery.id) == delivery:
                self._store.change(delivery, **values)
