"""How many events a second one console takes in: two workers, PostgreSQL, all on the same two cores."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import requests

from benchmarks.bench import Bench
from benchmarks.process import cpu_seconds_of_tree
from benchmarks.rows import Row, at_least
from orthanc_console.plugin import clock
from orthanc_console.version import PROTOCOL
from testbed.console import ConsoleServer
from testbed.replicas import Replicas
from testbed.simulated import DESTINATIONS, EVENTS_PER_STUDY, study_events

NODES = 4
STUDIES_PER_CALL = 60
REQUIRED = 1500


def run(bench: Bench) -> Iterator[Row]:
    """Send batches that were made before from several nodes at once, as after an absence of the console."""
    calls = bench.size(10, 50)
    with Replicas(bench.folder / "site", 1) as site:
        console = site.consoles[0]
        _configure(console)
        tokens = console.create_nodes([f"node{number}" for number in range(NODES)])
        bodies = {token: list(_bodies(calls)) for token in tokens}
        servers = (console, site.postgres)
        before = [cpu_seconds_of_tree(server) for server in servers]
        begun = time.perf_counter()
        with ThreadPoolExecutor(NODES) as pool:
            for each in [pool.submit(_send, console, *entry) for entry in bodies.items()]:
                each.result()
        seconds = time.perf_counter() - begun
        used = [cpu_seconds_of_tree(s) - old for s, old in zip(servers, before, strict=True)]
        events = NODES * calls * STUDIES_PER_CALL * EVENTS_PER_STUDY
        stored = site.query("SELECT count(*) FROM agent_event WHERE problem = ''")[0][0]
    if stored != events:
        raise RuntimeError(f"{stored} of {events} events are stored")
    setting = f"{events:,} events of {NODES} nodes, {STUDIES_PER_CALL * EVENTS_PER_STUDY} in a call"
    yield at_least("events taken in", events / seconds, REQUIRED, " a second", setting)
    parts = ", ".join(
        f"{name} {1000 * value / events:.2f} ms"
        for name, value in zip(("console", "PostgreSQL"), used, strict=True)
    )
    yield at_least(
        "the same by processor time",
        2 * events / sum(used),
        REQUIRED,
        " a second",
        f"two cores; an event costs: {parts}",
    )


def _configure(console: ConsoleServer) -> None:
    for number in DESTINATIONS:
        address = {"kind": "modality", "aet": f"PACS{number}", "host": "192.0.2.7", "port": 104}
        console.post("/destinations/", {"name": f"PACS{number}", **address})
    rule = {"name": "CT", "expression": "true", "destinations": list(DESTINATIONS)}
    console.post("/rules/", rule)


def _bodies(calls: int) -> Iterator[bytes]:
    number = 0
    for _call in range(calls):
        events = []
        for kind, data in (event for _study in range(STUDIES_PER_CALL) for event in study_events()):
            number += 1
            at = clock.iso(clock.now())
            events.append(
                {"id": str(uuid.uuid4()), "seq": number, "kind": kind, "at": at, "data": data}
            )
        head = {
            "protocol": PROTOCOL,
            "instance": "bench",
            "boot": "bench",
            "config_revision": 1,
            "wait": 0,
        }
        yield json.dumps({**head, "events": events}).encode()


def _send(console: ConsoleServer, token: str, bodies: list[bytes]) -> None:
    session = requests.Session()
    session.trust_env = False
    for body in bodies:
        answer = session.post(
            f"{console.url}/api/agent/v1/sync",
            body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )
        answer.raise_for_status()
