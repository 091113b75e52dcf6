"""Puts the parts of the plugin together and starts its threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from orthanc_console.plugin import clock, log, orthanc_client, settings
from orthanc_console.plugin.console_client import ConsoleClient, ConsoleError
from orthanc_console.plugin.host import Host
from orthanc_console.plugin.orthanc_client import OrthancClient
from orthanc_console.plugin.state import State, StateError
from orthanc_console.plugin.sync import Sync
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.plugin.worker import Worker
from routing.plugin.changes import ChangeReader
from routing.plugin.holdings import Holdings
from routing.plugin.inventory import Inventory
from routing.plugin.router import Router
from routing.plugin.sender import Sender
from routing.plugin.store import SCHEMA as ROUTING_SCHEMA
from routing.plugin.store import DeliveryStore
from routing.plugin.verify import Verifier

STATE_RETRY = 10.0
CHECKPOINT_EVERY = 5.0
FORGET_EVERY = 3600.0


class Plugin:
    """Everything that runs inside one Orthanc.

    Args:
        configuration: Orthanc's configuration.
        token: lets the plugin call Orthanc's REST API.
    """

    def __init__(self, configuration: Mapping[str, Any], token: str) -> None:
        log.configure()
        self._configuration = configuration
        self._settings = settings.read(configuration, os.environ)
        if self._settings.tcp_no_delay:
            # DCMTK reads it before each association. Without it every small image waits twice 40 ms for an acknowledgement.
            os.environ["TCP_NODELAY"] = "1"
        self._warnings = Warnings()
        for code, problem in self._settings.problems.items():
            self._warnings.set(code, problem)
        address = orthanc_client.address(configuration)
        if address.problem:
            self._warnings.set("orthanc_http", address.problem)
        self._orthanc = OrthancClient(address.base, token) if address.base else None
        self._host = Host(configuration, self._orthanc, self._settings.tcp_no_delay)
        self._sync: Sync | None = None
        self._state: State | None = None

    def start(self) -> None:
        """Start the threads and return at once: Orthanc goes on starting meanwhile."""
        threading.Thread(target=self._start, name="orthanc-console-start", daemon=True).start()

    def status(self) -> dict[str, Any]:
        """What `GET /orthanc-console/status` answers."""
        status = {**self._host.describe(), "warnings": self._warnings.as_list()}
        if self._sync is not None and self._state is not None:
            status |= self._sync.summary()
            status["outbox"] = self._state.outbox_size()
        return status

    def _start(self) -> None:
        console = ConsoleClient(self._settings) if self._can_call() else None
        state = self._open_state(console)
        self._state = state
        if state.replaced:
            self._warnings.set("state_file_replaced", _replaced(state))
            with state.transaction() as db:
                notice = {"code": "state_file_replaced", "message": _replaced(state)}
                state.add_event(db, "node.notice", notice)
        workers = [Worker("host", self._host.step, self._warnings)]
        capabilities = []
        if self._orthanc is not None:
            router, routing_workers = self._routing(state, self._orthanc)
            capabilities.append(router)
            workers += routing_workers
        if console is not None:
            sync = Sync(state, console, self._warnings, self._host.describe, capabilities)
            self._sync = sync
            reporter = Worker("report", sync.report, self._warnings)
            reporter.wake = state.wake_reporter
            workers += [Worker("listen", sync.listen, self._warnings), reporter]
        for worker in workers:
            worker.start()

    def _can_call(self) -> bool:
        return not {"console_url", "console_token"} & set(self._settings.problems)

    def _open_state(self, console: ConsoleClient | None) -> State:
        """The state file; keeps trying, and warns the console, for as long as it cannot be used."""
        while True:
            try:
                state = State(self._settings.state_directory, [ROUTING_SCHEMA])
            except StateError as error:
                self._warnings.set("state", str(error))
                if console is not None:
                    self._report_without_state(console)
                time.sleep(STATE_RETRY)
            else:
                self._warnings.clear("state")
                return state

    def _report_without_state(self, console: ConsoleClient) -> None:
        try:
            console.sync(Sync.stateless_request(self.status()))
        except ConsoleError as error:
            self._warnings.set("console", str(error))

    def _routing(self, state: State, orthanc: OrthancClient) -> tuple[Router, list[Worker]]:
        store = DeliveryStore(state)
        lock = threading.RLock()
        sender = Sender(store, orthanc, self._host.workers, lock)
        holdings = Holdings(orthanc, self._configuration)
        verifier = Verifier(store, orthanc, holdings, lock, sender.wake.set)
        inventory = Inventory(state, orthanc, sender)
        router = Router(state, store, orthanc, sender, verifier, inventory, self._warnings)
        reader = ChangeReader(
            state,
            orthanc,
            self._settings.state_directory,
            self._host.stable_age,
            router.decide,
            lambda: router.configured,
        )

        def checkpoint() -> float:
            reader.checkpoint(store.oldest_live_seq())
            return CHECKPOINT_EVERY

        def forget() -> float:
            store.forget_old(clock.now())
            return FORGET_EVERY

        sending = Worker("send", sender.step, self._warnings)
        sending.wake = sender.wake
        listing = Worker("destinations", inventory.step, self._warnings)
        listing.wake = inventory.wake
        reading = Worker("changes", reader.step, self._warnings)
        return router, [
            reading,
            sending,
            listing,
            Worker("verify", verifier.step, self._warnings),
            Worker("checkpoint", checkpoint, self._warnings),
            Worker("forget", forget, self._warnings),
        ]


def _replaced(state: State) -> str:
    return (
        f"The plugin's state file could not be read and was kept as {state.replaced}. A new one was begun from the change log; "
        "studies whose deliveries were unfinished are decided again, and some may be sent twice."
    )
