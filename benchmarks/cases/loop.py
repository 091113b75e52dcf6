"""Two Orthancs that forward everything to each other."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.bench import Bench, add_destination, forward, wait_for_arrival
from benchmarks.load import instances_of, upload
from benchmarks.receiver import received, telling
from benchmarks.rows import Row, all_of, none_of

STUDIES = 10
# Seconds in which a study that came back would be sent again, several times over.
QUIET = 8


def run(bench: Bench) -> Iterator[Row]:
    """Give both their own studies, wait, and count how often each instance crossed."""
    for kind in ("modality", "peer"):
        yield from _cross(bench, kind)


def _cross(bench: Bench, kind: str) -> Iterator[Row]:
    console = bench.console()
    left = bench.node(console, "left", telling())
    right = bench.node(console, "right", telling())
    ids = {node["name"]: node["id"] for node in console.pages("/nodes/")}
    to_right = add_destination(console, "to-right", right, kind=kind, nodes=[ids["left"]])
    to_left = add_destination(console, "to-left", left, kind=kind, nodes=[ids["right"]])
    forward(console, [left, right], [to_right, to_left])
    studies = bench.studies(2 * STUDIES, 3)
    upload(left.http_port, studies[:STUDIES])
    upload(right.http_port, studies[STUDIES:])
    total = instances_of(studies)
    for node in (left, right):
        wait_for_arrival(node, total, timeout=60)
    time.sleep(QUIET)
    # Each is received twice: by the node to which it was uploaded, and once by the other one.
    times = received(left) + received(right)
    once = sum(number == 2 for number in times.values())
    again = sum(number > 2 for number in times.values())
    setting = f"{STUDIES} studies of 3 instances from each side, as {kind}"
    yield all_of("instances that crossed once", once, total, setting)
    yield none_of("instances that came back", again, total, setting)
    for server in (left, right, console):
        bench.discard(server)
