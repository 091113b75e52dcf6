"""Does the plugin slow down what Orthanc is there for: receiving?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from benchmarks.bench import Bench, add_destination, forward
from benchmarks.load import Study, instances_of, upload
from benchmarks.process import cpu_seconds
from benchmarks.rows import Row, around, at_most, spread
from testbed.console import ConsoleServer
from testbed.orthanc import FAST_DICOM, OrthancServer
from testbed.studies import send_by_cstore

LIMIT = 1.05


def run(bench: Bench) -> Iterator[Row]:
    """Upload the same images with and without the plugin, in turn; a rule queues all of it for a paused destination."""
    studies = bench.studies(200, 10)
    pairs = bench.size(5, 9)
    console = bench.console()
    paused = add_destination(console, "paused", bench.orthanc("paused"), paused=True)
    first = bench.node(console, "first")
    forward(console, [first], [paused])
    bench.discard(first)
    setting = f"{instances_of(studies):,} instances, {pairs} pairs in turn"
    for way, send in (("REST", _by_rest), ("C-STORE", _by_cstore)):
        seconds: list[tuple[float, float]] = []
        cpu: list[tuple[float, float]] = []
        for number in range(pairs):
            both = {}
            for plugin in (number % 2 == 0, number % 2 != 0):
                both[plugin] = _measure(bench, console, f"{way}-{number}", plugin, studies, send)
            seconds.append((both[True][0], both[False][0]))
            cpu.append((both[True][1], both[False][1]))
        ratios = [with_it / without for with_it, without in seconds]
        measured = f"time to upload by {way}, with the plugin / without"
        yield at_most(measured, median(ratios), LIMIT, "", setting, spread=around(ratios))
        used = [with_it - without for with_it, without in cpu]
        yield Row(f"processor time of the plugin meanwhile, {way}", spread(used, " s"), setting)


def _measure(
    bench: Bench,
    console: ConsoleServer,
    name: str,
    plugin: bool,
    studies: tuple[Study, ...],
    send: Callable[[OrthancServer, tuple[Study, ...]], None],
) -> tuple[float, float]:
    options: dict[str, Any] = {"environment": FAST_DICOM, "aet": "RECEIVER"}
    if plugin:
        server = bench.node(console, f"{name}-with".lower(), **options)
    else:
        server = bench.orthanc(f"{name}-without".lower(), **options)
    used, begun = cpu_seconds(server), time.monotonic()
    send(server, studies)
    result = time.monotonic() - begun, cpu_seconds(server) - used
    bench.discard(server)
    return result


def _by_rest(server: OrthancServer, studies: tuple[Study, ...]) -> None:
    upload(server.http_port, studies)


def _by_cstore(server: OrthancServer, studies: tuple[Study, ...]) -> None:
    files = [path for study in studies for path in study.files]
    send_by_cstore(files, "127.0.0.1", server.dicom_port, server.aet)
