"""Nodes without an Orthanc: the plugin's own state file and its own call to the console, with events that are made up.

with Fleet(folder, console, console.url, ["one", "two"]) as fleet, fleet.forwarding(studies_per_second=4):
    time.sleep(10)
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from orthanc_console.plugin import clock
from orthanc_console.plugin.console_client import ConsoleClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.plugin.state import State
from orthanc_console.plugin.sync import Sync
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.version import VERSION
from testbed.console import ConsoleServer
from testbed.waiting import wait_for

SERIES = 4
EVENTS_PER_STUDY = 8
DESTINATIONS = (1, 2)
JOIN_SECONDS = 30
# After an absence the plugin calls again within 15 s.
HAND_OVER_SECONDS = 90


class SimulatedNode:
    """One node that calls the console from two threads, as the plugin does.

    Attributes:
        obeyed: each configuration that came: its revision, and when, by `time.monotonic`.
        made: how many events were queued so far.
        state: the state file.
    """

    commands: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.obeyed: list[tuple[int, float]] = []
        self.made = 0
        self.state = State(folder, [])
        settings = Settings(url=url, token=token, state_directory=folder)
        console = ConsoleClient(settings)
        self._sync = Sync(self.state, console, Warnings(), self._facts, [self])
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._report, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Report no more; the call that waits for news ends by itself, and is the last."""
        self._over.set()
        self.state.wake_reporter.set()
        self._threads[-1].join(JOIN_SECONDS)

    def configure(self, config: dict[str, Any]) -> None:
        self.obeyed.append((config["revision"], time.monotonic()))

    def status(self) -> dict[str, Any]:
        return {"discovered": [], "lanes": []}

    def forward_a_study(self) -> None:
        """Queue the events of one study that was received, decided and delivered to two destinations."""
        with self.state.transaction() as db:
            for kind, data in study_events():
                self.state.add_event(db, kind, data)
                self.made += 1

    @staticmethod
    def _facts() -> dict[str, Any]:
        return {"orthanc_version": "1.12.7", "plugin_version": VERSION, "settings": {}}

    def _listen(self) -> None:
        while not self._over.is_set():
            self._over.wait(self._sync.listen())

    def _report(self) -> None:
        while not self._over.is_set():
            self.state.wake_reporter.wait(self._sync.report())
            self.state.wake_reporter.clear()


class Fleet:
    """Many nodes of one console, or of several behind one address.

    Attributes:
        nodes: by name.
    """

    def __init__(
        self, folder: Path, console: ConsoleServer, url: str, names: Sequence[str]
    ) -> None:
        tokens = console.create_nodes(names)
        self.nodes = {
            name: SimulatedNode(folder / name, url, token)
            for name, token in zip(names, tokens, strict=True)
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for node in self.nodes.values():
            self._stack.enter_context(node)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def obeys(self, times: Mapping[str, int] | None = None) -> bool:
        """Whether each node has had more configurations than `times`, which `times_obeyed` gave."""
        known = times or {}
        return all(len(node.obeyed) > known.get(name, 0) for name, node in self.nodes.items())

    def times_obeyed(self) -> dict[str, int]:
        """How many configurations each node has had."""
        return {name: len(node.obeyed) for name, node in self.nodes.items()}

    @contextmanager
    def forwarding(self, studies_per_second: float) -> Iterator[None]:
        """Meanwhile each node queues the events of so many studies; afterwards it is waited until all are handed over."""
        over = threading.Event()

        def forward(node: SimulatedNode) -> None:
            due = time.monotonic()
            while not over.wait(max(0.0, due - time.monotonic())):
                node.forward_a_study()
                due += 1 / studies_per_second

        with ThreadPoolExecutor(len(self.nodes)) as pool:
            busy = [pool.submit(forward, node) for node in self.nodes.values()]
            try:
                yield
            finally:
                over.set()
        for each in busy:
            each.result()
        wait_for(self._handed_over, "all events are handed over", HAND_OVER_SECONDS)

    def _handed_over(self) -> bool:
        return all(node.state.outbox_size() == 0 for node in self.nodes.values())


def study_events() -> Iterator[tuple[str, dict[str, Any]]]:
    """What a node reports of one study, as kind and data."""
    study = uuid.uuid4().hex[:32]
    yield "study.stable", {"study": study_report(study)}
    rules = [{"id": 1, "name": "CT", "revision": 1}]
    decision = {"rule": 1, "name": "CT", "revision": 1, "result": "match", "explanation": {}}
    yield "rules.evaluated", {"study": study, "decisions": [decision]}
    deliveries = [(str(uuid.uuid4()), destination) for destination in DESTINATIONS]
    for state in ("waiting", "sending", "delivered"):
        for ident, destination in deliveries:
            report = delivery_report(ident, study, destination, rules, state)
            yield "delivery.changed", {"delivery": report}


def study_report(study: str) -> dict[str, Any]:
    """The study of `study.stable`."""
    now, uid = clock.iso(clock.now()), f"1.2.826.0.1.{int(study, 16)}"
    patient = {"PatientID": study[:8], "PatientName": "Doe^Jane", "PatientBirthDate": "19610203"}
    facts = {
        "study": {**patient, "StudyInstanceUID": uid, "StudyDate": "20261124", "RemoteAET": "CT1"},
        "series": [
            {"Modality": "CT", "SeriesInstanceUID": f"{uid}.{n}", "SeriesDescription": f"Phase {n}"}
            for n in range(SERIES)
        ],
    }
    return {
        "orthanc_id": study,
        "study_instance_uid": uid,
        "patient_id": study[:8],
        "patient_name": "Doe^Jane",
        "accession_number": study[:12],
        "study_date": "20261124",
        "study_description": "Abdomen",
        "modalities": ["CT"],
        "instance_count": 400,
        "series_count": SERIES,
        "size_bytes": 210_000_000,
        "source_aet": "CT1",
        "received_at": now,
        "stable_at": now,
        "facts": facts,
    }


def delivery_report(
    ident: str, study: str, destination: int, rules: list[dict[str, Any]], state: str
) -> dict[str, Any]:
    """The delivery of `delivery.changed`."""
    now, done = clock.iso(clock.now()), state == "delivered"
    attempt = {
        "number": 1,
        "instance_count": 400,
        "started_at": now,
        "finished_at": now if done else None,
        "job_id": ident,
        "outcome": "succeeded" if done else "running",
        "error": "",
        "error_code": None,
        "permanent": False,
    }
    return {
        "id": ident,
        "study": study,
        "destination": destination,
        "destination_name": f"PACS{destination}",
        "rules": rules,
        "cause": "rule",
        "state": state,
        "reason": "",
        "instance_count": 400,
        "delivered_count": 400 if done else 0,
        "attempts": 0 if state == "waiting" else 1,
        "last_error": "",
        "next_attempt_at": None,
        "created_at": now,
        "delivered_at": now if done else None,
        "verified_at": None,
        "attempt": None if state == "waiting" else attempt,
    }
