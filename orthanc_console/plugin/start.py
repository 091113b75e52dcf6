"""Puts the parts of the plugin together and starts its threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import Any, TypeVar

from intercept.plugin import assembly as intercept
from intercept.plugin import callbacks
from orthanc_console.plugin import log, orthanc_client, own_scripts, settings
from orthanc_console.plugin.console_client import ConsoleClient, ConsoleError
from orthanc_console.plugin.core import Built, Core, Reply, Route
from orthanc_console.plugin.host import Host
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import OrthancClient
from orthanc_console.plugin.state import State, StateError
from orthanc_console.plugin.sync import Sync
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.plugin.worker import Worker
from purge.plugin import assembly as purge
from routing.plugin import assembly as routing

# Each has SCHEMA, its tables in the state file, and build(core).
CAPABILITIES = (routing, purge, intercept)
STATE_RETRY = 10.0
# Seconds that a call of a route waits for a plugin that is only starting.
START_PATIENCE = 5.0
P = TypeVar("P")


class Plugin:
    """Everything that runs inside one Orthanc.

    Args:
        configuration: Orthanc's configuration.
        token: lets the plugin call Orthanc's REST API.
        move_variant: number of the best C-MOVE callback that Orthanc offers; 0 for none.
    """

    def __init__(self, configuration: Mapping[str, Any], token: str, move_variant: int = 0) -> None:
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
        self._orthanc = OrthancClient(address, token) if address.base else None
        self._host = Host(configuration, self._orthanc, self._settings.tcp_no_delay, self._warnings)
        # Without Orthanc's HTTP server the plugin could not serve a C-MOVE, and leaves it to Orthanc.
        takes_move = self._settings.intercept_move and self._orthanc is not None
        self.move_variant = move_variant if takes_move else 0
        self._parts: list[Any] = []
        self._built = threading.Event()
        self._sync: Sync | None = None
        self._state: State | None = None
        self._routes: dict[str, Route] = {}

    def load_own_scripts(self, orthanc: Any) -> None:
        """Run the scripts of `AlsoLoad`; after all that the plugin registers, and before `start`, while nothing else runs.

        Args:
            orthanc: Orthanc's module.
        """
        if self.move_variant:
            callbacks.keep(orthanc, self._warnings)
        own_scripts.load(self._settings.also_load, self._warnings)

    def start(self) -> None:
        """Start the threads and return at once: Orthanc goes on starting meanwhile."""
        threading.Thread(target=self._begin, name="orthanc-console-start", daemon=True).start()

    def part(self, kind: type[P], seconds: float) -> P | None:
        """A part that a callback needs; waits for the plugin to start, and gives None when that takes longer."""
        self._built.wait(seconds)
        return next((part for part in self._parts if isinstance(part, kind)), None)

    def status(self) -> dict[str, Any]:
        """What `GET /orthanc-console/status` answers."""
        status = {**self._host.describe(), "warnings": self._warnings.as_list()}
        if self._sync is not None and self._state is not None:
            status |= self._sync.summary()
            status["outbox"] = self._state.outbox_size()
        return status

    def call(self, route: str, method: str, query: Mapping[str, str], body: bytes | str) -> Reply:
        """Answer a call of one of the plugin's routes on Orthanc."""
        self._built.wait(START_PATIENCE)
        answer = self._routes.get(route)
        if answer is None:
            return Reply(503, "The plugin has not started, or cannot work; see its warnings.")
        return answer(method, query, body.encode() if isinstance(body, str) else body)

    def _begin(self) -> None:
        while True:
            try:
                self._start()
            except Exception as error:
                logger.exception("the plugin could not start")
                message = f"{type(error).__name__}: {error}"
                self._warnings.set(
                    "start", f"The plugin could not start and tries again: {message}"
                )
                time.sleep(STATE_RETRY)
            else:
                self._warnings.clear("start")
                return

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
        for built in self._build(state):
            capabilities.append(built.capability)
            self._parts += built.parts
            workers += built.workers
            self._routes |= built.routes
        if console is not None:
            sync = Sync(state, console, self._warnings, self._host.describe, capabilities)
            self._sync = sync
            workers += [
                Worker("listen", sync.listen, self._warnings),
                Worker("report", sync.report, self._warnings, state.wake_reporter),
            ]
        self._built.set()
        for worker in workers:
            worker.start()

    def _can_call(self) -> bool:
        return not {"console_url", "console_token"} & set(self._settings.problems)

    def _open_state(self, console: ConsoleClient | None) -> State:
        """The state file; keeps trying, and warns the console, for as long as it cannot be used."""
        while True:
            try:
                state = State(self._settings.state_directory, [c.SCHEMA for c in CAPABILITIES])
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
        else:
            self._warnings.clear("console")

    def _build(self, state: State) -> list[Built]:
        if self._orthanc is None:
            return []
        core = Core(
            state,
            self._orthanc,
            self._warnings,
            self._settings,
            self._host,
            self._configuration,
            self.move_variant,
        )
        return [capability.build(core) for capability in CAPABILITIES]


def _replaced(state: State) -> str:
    return (
        f"The plugin's state file could not be read and was kept as {state.replaced}. A new one was begun from the change log; "
        "studies whose deliveries were unfinished are decided again, and some may be sent twice."
    )
