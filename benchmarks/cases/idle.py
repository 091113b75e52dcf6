"""What the plugin costs when there is nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.bench import Bench, add_destination, forward
from benchmarks.load import upload
from benchmarks.process import cpu_seconds, memory
from benchmarks.rows import Row, at_most
from testbed.waiting import wait_for

# Seconds that Orthanc takes to come to rest after its start.
REST = 5


def run(bench: Bench) -> Iterator[Row]:
    """Compare an Orthanc with the plugin, after some work, and one without, at rest side by side."""
    seconds = bench.size(60, 600)
    console, destination = bench.console(), bench.orthanc("destination")
    node, bare = bench.node(console, "node"), bench.orthanc("bare")
    forward(console, [node], [add_destination(console, "destination", destination)])
    upload(node.http_port, bench.studies(20, 3))
    wait_for(
        lambda: len(console.get("/deliveries/", state="delivered")["results"]) == 20,
        "the studies are delivered",
    )
    time.sleep(REST)
    servers = (node, bare)
    cpu = [cpu_seconds(server) for server in servers]
    size = memory(node)
    time.sleep(seconds)
    used = [cpu_seconds(server) - before for server, before in zip(servers, cpu, strict=True)]
    percent = 100 * (used[0] - used[1]) / seconds
    setting = f"{seconds} s; Orthanc without the plugin {100 * used[1] / seconds:.1f} %"
    yield at_most("processor time of the plugin at rest", percent, 1, " % of a core", setting)
    grown = memory(node) - size
    yield Row("growth of memory at rest", f"{grown:.1f} MB", f"{seconds} s, {size:.0f} MB before")
