"""Intercept as a capability of the plugin: configuration, commands, status."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from intercept.plugin import message
from intercept.plugin.dispatcher import Dispatcher
from intercept.plugin.interceptor import Interceptor
from intercept.plugin.store import Webhook, WebhookStore
from intercept.plugin.target import Target
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.warnings import Warnings
from routing.conditions import ConditionError

# Seconds in which a target that was just made is told to the node.
TOLD_WITHIN = 3.0
TEST_WAITS = 35.0
ALWAYS = {"value": True, "type": "boolean"}


class Intercept:
    """Obeys the console's webhook targets.

    Args:
        variant: of the C-MOVE callback that is registered; 0 when Orthanc's own handler is in place.
    """

    def __init__(
        self,
        store: WebhookStore,
        dispatcher: Dispatcher,
        interceptor: Interceptor,
        warnings: Warnings,
        variant: int,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._warnings = warnings
        self._variant = variant
        self._targets: dict[int, Target] = {}
        self._unreadable: set[int] = set()
        self.interceptor = interceptor
        self.commands: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "webhook_redeliver": self._redeliver,
            "webhook_test": self._test,
        }

    def configure(self, config: dict[str, Any]) -> None:
        """Obey a configuration of docs/protocol.md.

        A target whose condition this plugin cannot read is left out and warned of; but a gate is then asked about every C-MOVE.
        """
        targets: list[Target] = []
        unreadable: dict[int, str] = {}
        for entry in config.get("webhook_targets", []):
            try:
                targets.append(Target.from_config(entry))
            except ConditionError as error:
                logger.error("webhook target %s cannot be read: %s", entry["id"], error)
                unreadable[int(entry["id"])] = str(entry["name"])
                if entry["mode"] == "gate":
                    targets.append(Target.from_config({**entry, "condition": ALWAYS}))
        self._warn_of(targets, list(unreadable.values()))
        self.interceptor.node = config["node"]["name"]
        self._targets = {target.id: target for target in targets}
        self._unreadable = set(unreadable)
        self._apply()

    def _warn_of(self, targets: list[Target], unreadable: list[str]) -> None:
        self._warn(
            "webhook_targets_unreadable",
            bool(unreadable),
            f"This plugin cannot read the conditions of {len(unreadable)} webhook targets: {', '.join(unreadable)}. Gates among "
            "them are asked about every C-MOVE, the others about none. Bring plugin and console to the same version.",
        )
        active = [target for target in targets if target.enforcement == "active"]
        self._warn(
            "intercept_off",
            bool(active) and not self._variant,
            'This Orthanc has webhook targets and does not intercept C-MOVE, so they are never told. Set "InterceptMove": true '
            'in "OrthancConsole" of its configuration, and restart it.',
        )
        asks = any(target.asks for target in active)
        self._warn(
            "intercept_threads",
            asks and bool(self._variant) and not self.interceptor.most_waiting,
            'Orthanc has a single DICOM thread ("DicomThreadsCount": 1), so no C-MOVE can wait for an answer, and each goes by '
            "what its targets say of a timeout. Give it at least 2.",
        )

    def status(self) -> dict[str, Any]:
        """`intercept` of docs/protocol.md."""
        waiting = self._store.waiting()
        lanes = [{"target": target, "waiting": count} for target, (count, _) in waiting.items()]
        return {
            "intercept": {
                "variant": self._variant,
                "most_waiting": self.interceptor.most_waiting,
                "targets": lanes,
            }
        }

    def switch_off(self, target: int) -> None:
        """A receiver said that it does not exist any more; see `WebhookStore.switch_off`."""
        self._apply()

    def _apply(self) -> None:
        off = self._store.switched_off()
        targets = [
            replace(t, enforcement="disabled") if off.get(t.id) == t.revision else t
            for t in self._targets.values()
        ]
        self.interceptor.targets = targets
        self._dispatcher.configure({target.id: target for target in targets}, self._unreadable)

    def _warn(self, code: str, holds: bool, words: str) -> None:
        if holds:
            self._warnings.set(code, words)
        else:
            self._warnings.clear(code)

    def _redeliver(self, ident: str, data: dict[str, Any]) -> None:
        self._store.again(ident, [str(each) for each in data["deliveries"]])
        self._dispatcher.wake.set()

    def _test(self, ident: str, data: dict[str, Any]) -> None:
        target = self._told(int(data["target"]), int(data["revision"]))
        if target is None:
            self._store.finish(ident, False, "The node does not know this target yet.", {})
            return
        webhook = Webhook(
            target=target.id,
            target_name=target.name,
            mode=target.mode,
            message=message.of_test(ident, self.interceptor.node),
            cause="test",
            id=ident,
        )
        self._dispatcher.reserve([webhook])
        self._store.add(webhook)
        attempt = self._dispatcher.start(webhook, target)
        if not attempt.done.wait(TEST_WAITS):
            self._store.finish(ident, False, "It is still being tried; look at its attempts.", {})
            return
        reply = attempt.reply
        words = reply.problem or f"It answered {reply.status}."
        milliseconds = round(reply.seconds * 1000)
        data = {"status": reply.status, "milliseconds": milliseconds, "delivery": ident}
        self._store.finish(ident, reply.ok, words, data)

    def _told(self, ident: int, revision: int) -> Target | None:
        """The target in that revision; waits a moment for one that was just saved."""
        deadline = time.monotonic() + TOLD_WITHIN
        while True:
            target = self._targets.get(ident)
            if target is not None and target.revision >= revision:
                return target
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
