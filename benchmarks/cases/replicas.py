"""Two consoles on one PostgreSQL, one of which is killed every five seconds: is any event lost, or stored twice?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.rows import Row, all_of
from testbed.replicas import Replicas
from testbed.simulated import EVENTS_PER_STUDY, Fleet

NODES = 10
EVENTS_PER_SECOND = 300
KILL_EVERY = 5


def run(bench: Bench) -> Iterator[Row]:
    """Kill one after the other under the reports of ten nodes, then compare what was made with what is stored."""
    kills = bench.size(6, 12)
    names = [f"node{number}" for number in range(NODES)]
    with Replicas(bench.folder / "site", 2) as site:
        fleet = Fleet(bench.folder / "states", site.consoles[0], site.url, names)
        with fleet:
            begun = time.monotonic()
            with fleet.forwarding(EVENTS_PER_SECOND / NODES / EVENTS_PER_STUDY):
                site.kill_in_turn(kills, KILL_EVERY)
                ended = time.monotonic()
            late = time.monotonic() - ended
        made = sum(node.made for node in fleet.nodes.values())
        [(stored, numbers)] = site.query(
            "SELECT count(*), count(DISTINCT (node_id, seq)) FROM agent_event"
        )
    seconds = ended - begun
    setting = (
        f"{kills} kills in {seconds:.0f} s, {made / seconds:.0f} events a second of {NODES} nodes"
    )
    yield all_of("events that are stored", stored, made, setting)
    yield all_of("events that are stored once", numbers, made, setting)
    yield Row("all were handed over after the last kill", f"{late:.1f} s", setting)
