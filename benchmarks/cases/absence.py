"""The console is away while studies arrive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench, add_destination, arrived, forward, wait_for_arrival
from benchmarks.load import upload
from benchmarks.rows import Row, all_of, at_most
from testbed.console import ConsoleServer
from testbed.orthanc import FAST_DICOM, OrthancServer
from testbed.waiting import wait_for

LIMIT = 50


def run(bench: Bench) -> Iterator[Row]:
    """Stop the console, let all be forwarded, start it, and look at its history."""
    count = bench.size(200, 1000)
    studies = bench.studies(count, 1)
    console, destination = bench.console(), bench.orthanc("destination", environment=FAST_DICOM)
    node = bench.node(console, "node")
    forward(console, [node], [add_destination(console, "destination", destination)])
    console.stop()
    setting = f"{count} studies of 1 instance"
    upload(node.http_port, studies)
    try:
        wait_for_arrival(destination, count, timeout=60 + count / 5)
    finally:
        forwarded = arrived(destination)
        yield all_of("studies forwarded without the console", forwarded, count, setting)
    yield at_most("size of the state file", _state_size(node), LIMIT, " MB", setting)
    console.start()
    begun = time.monotonic()
    history = wait_for(
        lambda: _history(console, count), "the history is complete", timeout=120, interval=0.5
    )
    took = time.monotonic() - begun
    once = sum(number == 1 for number in history.values())
    yield all_of("studies in the history, delivered exactly once", once, count, setting)
    yield Row("time until the history was complete", f"{took:.1f} s", setting)


def _state_size(node: OrthancServer) -> float:
    folder = Path(str(node.configuration["OrthancConsole"]["StateDirectory"]))
    return sum(path.stat().st_size for path in folder.iterdir()) / 1_000_000


def _history(console: ConsoleServer, count: int) -> Counter[int]:
    """Deliveries by study, once all are known; empty before."""
    shown = Counter(d["study"] for d in console.pages("/deliveries/", state="delivered"))
    return shown if len(shown) >= count else Counter()
