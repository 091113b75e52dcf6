"""How long the console, the node and the browser wait for each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench, add_destination, forward, settle, wait_for_revision
from benchmarks.load import upload
from benchmarks.rows import Row, at_most, spread
from orthanc_console.plugin import clock
from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.waiting import wait_for


def run(bench: Bench) -> Iterator[Row]:
    """One study, one rule, one echo after another, with everything else at rest."""
    times = bench.size(10, 30)
    console, destination = bench.console(), bench.orthanc("destination")
    node = bench.node(console, "node")
    target = add_destination(console, "destination", destination)
    forward(console, [node], [target])

    waits = _delivered(bench, console, node, times)
    yield _row("end of the job to `delivered` in the API", waits, 3, f"{times} studies")
    waits = [_in_force(console, node, number) for number in range(times)]
    yield _row("rule saved by the API to in force in Orthanc", waits, 3, f"{times} rules")
    waits = [_echo(console, target) for _ in range(times)]
    yield _row("echo of a modality, as a click waits for it", waits, 2, f"{times} echoes")


def _row(measured: str, waits: list[float], limit: float, setting: str) -> Row:
    return at_most(
        f"{measured}, the longest",
        max(waits),
        limit,
        " s",
        f"{setting}; median {spread(waits, ' s')}",
    )


def _delivered(
    bench: Bench, console: ConsoleServer, node: OrthancServer, times: int
) -> list[float]:
    waits = []
    for number, study in enumerate(bench.studies(times, 3)):
        upload(node.http_port, [study])

        def shown(already: int = number) -> Any:
            found = console.get("/deliveries/", state="delivered")["results"]
            return found[0] if len(found) > already else None

        delivery = wait_for(shown, "the study is delivered", interval=0.02)
        now = time.time()
        attempts = console.get(f"/deliveries/{delivery['id']}/")["attempt_list"]
        job = node.get(f"/jobs/{attempts[0]['job_id']}")
        waits.append(now - (clock.from_orthanc(job["CompletionTime"]) or 0))
    return waits


def _in_force(console: ConsoleServer, node: OrthancServer, number: int) -> float:
    before = settle(node)
    rule = {"name": f"Rule {number}", "expression": f'PatientID == "{number}"'}
    begun = time.monotonic()
    target = console.get("/destinations/")["results"][0]["id"]
    console.post("/rules/", {**rule, "destinations": [target], "enforcement": "active"})
    wait_for_revision(node, before + 1)
    return time.monotonic() - begun


def _echo(console: ConsoleServer, destination: int) -> float:
    begun = time.monotonic()
    answer = console.post(f"/destinations/{destination}/echo/")
    if not answer["ok"]:
        raise RuntimeError(f"The echo failed: {answer['detail']}")
    return time.monotonic() - begun
