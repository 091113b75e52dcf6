"""Does Orthanc stop well while the plugin is busy?"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, add_destination, arrived, forward, wait_for_arrival
from benchmarks.load import upload
from benchmarks.rows import Row, all_of, at_most
from testbed.orthanc import OrthancServer
from testbed.processes import ServerError, Stopped
from testbed.versions import OrthancVersion

ROUNDS = 10
STUDIES = 10
LIMIT = 5


def run(bench: Bench) -> Iterator[Row]:
    """Send SIGTERM in the middle of forwarding, again and again."""
    for version in bench.versions:
        ends = _stops(bench, version)
        good = sum(end is not None and end.exit_code == 0 for end in ends)
        setting = f"Orthanc {version.full_number()}, {STUDIES} studies of 10 instances on their way"
        yield all_of("SIGTERM while busy ends with status 0", good, ROUNDS, setting)
        slowest = max(end.seconds if end else OrthancServer.stop_timeout for end in ends)
        yield at_most("the slowest of these stops", slowest, LIMIT, " s", setting)


def _stops(bench: Bench, version: OrthancVersion) -> list[Stopped | None]:
    """How each stop ended; None for one that had to be killed."""
    console, destination = bench.console(), bench.orthanc("destination")
    node = bench.node(console, "node", version=version)
    forward(console, [node], [add_destination(console, "destination", destination)])
    studies = bench.studies(ROUNDS * STUDIES, 10)
    ends: list[Stopped | None] = []
    for begin in range(0, len(studies), STUDIES):
        if not node.running:
            node.start()
        before = arrived(destination)
        upload(node.http_port, studies[begin : begin + STUDIES])
        wait_for_arrival(destination, before + 1)
        try:
            ends.append(node.stop())
        except ServerError:
            ends.append(None)
    for server in (node, destination, console):
        bench.discard(server)
    return ends
