"""Delivers webhooks: each target in a lane of its own, so that a slow one delays no other."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from intercept.plugin import retry
from intercept.plugin.caller import Reply, perform
from intercept.plugin.store import Webhook, WebhookStore
from intercept.plugin.target import Target
from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger

# Calls to one target at the same time; those that a C-MOVE waits for come on top.
AT_ONCE = 4
LONGEST_LOOK = 5.0


@dataclass
class Attempt:
    """A call that runs in a thread of its own. `reply` is there once `done` is set."""

    webhook: Webhook
    target: Target
    done: threading.Event = field(default_factory=threading.Event)
    reply: Reply = field(default_factory=Reply)


class Dispatcher:
    """Starts what is due and writes down what came of it.

    Args:
        directory: the state folder, where a client's private key lies while it is read.
        on_gone: called with the id of a target that says that it does not exist any more.
    """

    def __init__(
        self, store: WebhookStore, directory: Path, on_gone: Callable[[int], None]
    ) -> None:
        self._store = store
        self._on_gone = on_gone
        self._directory = directory
        self._lock = threading.Lock()
        # None until there is a configuration: until then nothing is known to be deleted.
        self._targets: Mapping[int, Target] | None = None
        self._unreadable: Collection[int] = ()
        self._in_flight: dict[str, int] = {}
        self.wake = threading.Event()

    def configure(self, targets: Mapping[int, Target], unreadable: Collection[int] = ()) -> None:
        """Obey new targets. What waits for one that was deleted is given up.

        Args:
            unreadable: targets that are there, but that this plugin does not understand.
        """
        self._targets = targets
        self._unreadable = unreadable
        self.wake.set()

    def reserve(self, webhooks: Iterable[Webhook]) -> None:
        """Keep webhooks that are about to be written down from being started by `step`."""
        with self._lock:
            self._in_flight.update({each.id: each.target for each in webhooks})

    def release(self, webhooks: Iterable[Webhook]) -> None:
        """Leave webhooks that were reserved to `step`."""
        with self._lock:
            for each in webhooks:
                self._in_flight.pop(each.id, None)
        self.wake.set()

    def start(self, webhook: Webhook, target: Target) -> Attempt:
        """Call in a thread of its own, and return at once."""
        attempt = Attempt(webhook, target)
        self.reserve([webhook])
        threading.Thread(target=self._run, args=(attempt,), daemon=True).start()
        return attempt

    def step(self) -> float:
        """Start everything that is due. Returns the seconds until something may be."""
        now = clock.now()
        soonest = LONGEST_LOOK
        targets = self._targets
        if targets is None:
            return LONGEST_LOOK
        for ident, (_count, appointment) in self._store.waiting().items():
            target = targets.get(ident)
            if target is None:
                self._give_up(ident)
                continue
            if target.enforcement == "disabled":
                continue
            if appointment is not None and appointment > now:
                soonest = min(soonest, appointment - now)
            self._start_due(target, now)
        return max(soonest, 0.05)

    def _give_up(self, target: int) -> None:
        if target in self._unreadable:
            return
        with self._lock:
            busy = set(self._in_flight)
        for webhook in self._store.of_target(target):
            if webhook.id not in busy:
                gone = replace(webhook, state="failed", reason="target_deleted")
                self._store.change(gone, last_error="The target was deleted.")

    def _start_due(self, target: Target, now: float) -> None:
        with self._lock:
            busy = {ident for ident, of in self._in_flight.items() if of == target.id}
        free = AT_ONCE - len(busy)
        if free <= 0:
            return
        for webhook in self._store.due(target.id, now, free + len(busy)):
            if webhook.id not in busy and free > 0:
                free -= 1
                self.start(webhook, target)

    def _run(self, attempt: Attempt) -> None:
        try:
            self._attempt(attempt)
        except Exception:
            # It is still due in the state file, and is tried again.
            logger.exception("webhook %s could not be tried", attempt.webhook.id)
        finally:
            attempt.done.set()
            self.release([attempt.webhook])

    def _attempt(self, attempt: Attempt) -> None:
        webhook, target = attempt.webhook, attempt.target
        started = clock.now()
        call = target.call(webhook.id, webhook.message, started)
        try:
            context = target.tls(self._directory)
        except (ssl.SSLError, OSError, ValueError) as error:
            reply = Reply(error=f"The certificates of the target cannot be used: {error}.")
        else:
            reply = perform(call, target.timeout_seconds, context)
        attempt.reply = reply
        attempt.done.set()
        number = webhook.attempts + 1
        report = {
            "number": number,
            "started_at": clock.iso(started),
            "finished_at": clock.iso(started + reply.seconds),
            "milliseconds": round(reply.seconds * 1000),
            "outcome": "succeeded" if reply.ok else "failed",
            "error": reply.error,
            **target.redacted(call, reply),
        }
        self._settle(webhook, target, reply, report)

    def _settle(
        self, webhook: Webhook, target: Target, reply: Reply, report: dict[str, Any]
    ) -> None:
        now, tries = clock.now(), webhook.tries + 1
        then = retry.after(reply, webhook.mode, tries, now, once=webhook.cause == "test")
        self._store.change(
            webhook,
            report,
            state=then.state,
            reason=then.reason,
            attempts=webhook.attempts + 1,
            tries=tries,
            next_attempt_at=None if then.pause is None else now + then.pause,
            last_error=reply.problem,
            last_status=reply.status,
            delivered_at=now if reply.ok else None,
        )
        if reply.status == retry.GONE and webhook.cause != "test":
            self._store.switch_off(target.id, target.revision, target.name)
            self._on_gone(target.id)
