"""Reports to the console and takes its configuration and commands. See docs/protocol.md."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.console_client import ConsoleClient, ConsoleError
from orthanc_console.plugin.core import Capability
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.version import PROTOCOL

LISTEN_SECONDS = 20
STATUS_SECONDS = 10.0
BATCH_EVENTS = 500
BATCH_BYTES = 2 * 1024 * 1024
REMEMBER_COMMANDS = 7 * 24 * 3600.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0
# Identity of this process of Orthanc.
BOOT = str(uuid.uuid4())
# What keeps studies is carried out before the console counts as heard, so that no purge begins that was cancelled meanwhile.
AT_ONCE = ("purge_cancel", "purge_keep")
# A console that answers at once all the time must not be called in a tight loop.
SHORTEST_LISTEN = 0.1
REPORT_LOOK = 0.75
# After a report comes a rest, as a multiple of the time that the report took, and in seconds at most.
REST_SHARE = 3.0
LONGEST_REST = 0.5


class Sync:
    """Both halves of the call: `listen` waits for news, `report` hands over what happened.

    Args:
        describe: facts about this Orthanc for `status`.
        capabilities: receive the configuration and commands, add to `status`.
    """

    def __init__(
        self,
        state: State,
        console: ConsoleClient,
        warnings: Warnings,
        describe: Callable[[], dict[str, Any]],
        capabilities: Sequence[Capability],
    ) -> None:
        self._state = state
        self._console = console
        self._warnings = warnings
        self._describe = describe
        self._capabilities = capabilities
        self._commands = {kind: do for c in capabilities for kind, do in c.commands.items()}
        self._running: set[str] = set()
        self._pauses = {"listen": FIRST_PAUSE, "report": FIRST_PAUSE}
        self._not_before = 0.0
        self._batch = BATCH_EVENTS
        self._config: dict[str, Any] | None = None
        self._sent_status: dict[str, Any] = {}
        self._status_at = 0.0
        self._last_success: float | None = None
        # Whether the last configuration that came could be read.
        self._readable = True
        if (kept := state.get("config")) is not None:
            self._obey(kept)

    @property
    def config_revision(self) -> int | None:
        """Revision in force, None before the first."""
        return self._config["revision"] if self._config else None

    @staticmethod
    def stateless_request(status: dict[str, Any]) -> dict[str, Any]:
        """A request of a plugin that has no usable state file: it can only say so."""
        return {
            "protocol": PROTOCOL,
            "instance": None,
            "boot": BOOT,
            "sent_at": clock.iso(clock.now()),
            "config_revision": None,
            "wait": 0,
            "status": status,
            "events": [],
            "results": [],
        }

    def summary(self) -> dict[str, Any]:
        """For `GET /orthanc-console/status`."""
        summary = {
            "config_revision": self.config_revision,
            "last_sync_at": clock.iso(self._last_success),
        }
        for capability in self._capabilities:
            summary |= capability.status()
        return summary

    def listen(self) -> float:
        """One waiting call. Returns the seconds until the next."""
        pause = self._guarded(
            "listen", SHORTEST_LISTEN, lambda: self._exchange([], [], wait=LISTEN_SECONDS)
        )
        # The console does not wait while it has a configuration to give.
        return pause if self._readable else LONGEST_PAUSE

    def report(self) -> float:
        """Hand over all that waits, then the status if it changed or is old. Returns the seconds until the next look."""
        # An event that wakes the thread must not cut short the pause that an absent console was given.
        rest = self._not_before - time.monotonic()
        if rest > 0:
            return rest
        began = time.monotonic()
        pause = self._guarded("report", REPORT_LOOK, self._report)
        now = time.monotonic()
        # Many small reports cost the console, and this server, far more than a few large ones.
        rest = min((now - began) * REST_SHARE, LONGEST_REST)
        self._not_before = now + (pause if pause > REPORT_LOOK else rest)
        return pause

    def _report(self) -> None:
        newest = self._state.newest_event()
        while True:
            events = self._state.waiting_events(self._batch, BATCH_BYTES)
            results = self._state.waiting_results()
            if not events and not results and not self._status_due():
                return
            self._exchange(events, results, wait=0)
            last = events[-1]["seq"] if events else -1
            done = [result["command"] for result in results]
            self._state.acknowledge(last, done, clock.now() - REMEMBER_COMMANDS)
            self._batch = BATCH_EVENTS
            if last >= newest:
                # What came meanwhile goes together in the next report.
                return

    def _status_due(self) -> bool:
        age = abs(clock.now() - self._status_at)
        return age > STATUS_SECONDS or (age > 0.5 and self._status() != self._sent_status)

    def _status(self) -> dict[str, Any]:
        status = {**self._describe(), "warnings": self._warnings.as_list()}
        for capability in self._capabilities:
            status.update(capability.status())
        return status

    def _exchange(
        self, events: list[dict[str, Any]], results: list[dict[str, Any]], wait: int
    ) -> None:
        status = self._status()
        answer = self._console.sync(
            {
                "protocol": PROTOCOL,
                "instance": self._state.instance,
                "boot": BOOT,
                "sent_at": clock.iso(clock.now()),
                "config_revision": self.config_revision,
                "wait": wait,
                "status": {**status, "outbox": self._state.outbox_size()},
                "events": events,
                "results": results,
            }
        )
        self._sent_status, self._status_at = status, clock.now()
        self._last_success = clock.now()
        for aside in answer.get("set_aside") or []:
            logger.warning("the console set an event aside: %s", aside.get("reason"))
        self._take(answer.get("config"))
        # Each of them is begun, also after one that could not be finished.
        finished = [self._start(command) for command in answer.get("commands") or []]
        if self._readable and all(finished):
            self._state.hear(self._last_success)

    def _guarded(self, name: str, delay: float, exchange: Callable[[], None]) -> float:
        try:
            exchange()
        except ConsoleError as error:
            if error.too_large:
                self._batch = max(1, self._batch // 2)
            self._warnings.set("console", str(error))
            pause = self._pauses[name]
            self._pauses[name] = min(pause * 2, LONGEST_PAUSE)
            return pause * random.uniform(0.8, 1.2)  # noqa: S311
        self._warnings.clear("console")
        self._pauses[name] = FIRST_PAUSE
        return delay

    def _take(self, config: Any) -> None:
        """Obey a new configuration and keep it on disk for the next start."""
        if not isinstance(config, dict) or config.get("revision") == self.config_revision:
            return
        self._obey(config)
        if self._readable:
            with self._state.transaction() as db:
                self._state.put(db, "config", config)
            logger.info("configuration %s is in force", config["revision"])

    def _obey(self, config: dict[str, Any]) -> None:
        try:
            for capability in self._capabilities:
                capability.configure(config)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._readable = False
            self._warnings.set(
                "config_unreadable",
                f"This plugin cannot read the console's configuration ({type(error).__name__}: {error}) and goes on with the one "
                "that it has. Bring plugin and console to the same version.",
            )
        else:
            self._readable = True
            self._warnings.clear("config_unreadable")
            self._config = config

    def _start(self, command: dict[str, Any]) -> bool:
        """Carry a command out, mostly in a thread of its own: an echo may take as long as a mute node makes it.

        Returns:
            whether it is done, or need not be done at once.
        """
        ident = str(command["id"])
        at_once = command["kind"] in AT_ONCE
        if self._state.has_done(ident):
            return True
        if ident in self._running:
            return not at_once
        self._running.add(ident)
        if at_once:
            return self._carry_out(ident, command)
        threading.Thread(target=self._carry_out, args=(ident, command), daemon=True).start()
        return True

    def _carry_out(self, ident: str, command: dict[str, Any]) -> bool:
        """Returns whether its result was recorded."""
        do = self._commands.get(str(command["kind"]))
        try:
            if do is None:
                self._fail(ident, f"This plugin does not know the command {command['kind']}.")
            else:
                do(ident, command["data"])
        except sqlite3.Error as error:
            # The console asks again.
            logger.error("command %s could not be recorded: %s", command["kind"], error)
            return False
        except Exception as error:
            logger.exception("command %s failed", command["kind"])
            self._fail(ident, f"The plugin failed: {type(error).__name__}: {error}")
        finally:
            self._running.discard(ident)
        return True

    def _fail(self, ident: str, detail: str) -> None:
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, ok=False, detail=detail, data={})
