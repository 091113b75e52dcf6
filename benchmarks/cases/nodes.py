"""One console for fifty nodes: what they cost it at rest, and how fast they hear of a rule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.bench import Bench
from benchmarks.process import cpu_seconds_of_tree
from benchmarks.rows import Row, around, at_most
from testbed.console import ConsoleServer
from testbed.replicas import Replicas
from testbed.simulated import Fleet
from testbed.waiting import wait_for

NODES = 50
RULES = 5


def run(bench: Bench) -> Iterator[Row]:
    """Let the plugin's own client wait in each of many nodes, then save rules."""
    seconds = bench.size(20, 60)
    with Replicas(bench.folder / "site", 1) as site:
        console = site.consoles[0]
        names = [f"node{number}" for number in range(NODES)]
        with Fleet(bench.folder / "states", console, console.url, names) as fleet:
            wait_for(fleet.obeys, "each node has its configuration", 60)
            # Those that came together have spread by then.
            time.sleep(10)
            before = [cpu_seconds_of_tree(each) for each in (console, site.postgres)]
            time.sleep(seconds)
            used = [
                (cpu_seconds_of_tree(each) - old) / seconds
                for each, old in zip((console, site.postgres), before, strict=True)
            ]
            setting = f"{NODES} nodes at rest for {seconds} s, PostgreSQL {used[1]:.2f} of a core"
            yield at_most("processor time of the console", used[0], 0.5, " of a core", setting)
            times = [_in_force(console, fleet, number) for number in range(RULES)]
    setting = f"slowest of {RULES} rules; from the answer of the API to the last of {NODES} nodes"
    yield at_most("a saved rule is in force", max(times), 3, " s", setting, spread=around(times))
    yield Row("a saved rule is in force, median", f"{median(times):.2f} s", setting)


def _in_force(console: ConsoleServer, fleet: Fleet, number: int) -> float:
    known = fleet.times_obeyed()
    rule = {"name": f"rule {number}", "expression": "true", "stop_on_match": True}
    console.post("/rules/", {**rule, "destinations": []})
    saved = time.monotonic()
    wait_for(lambda: fleet.obeys(known), "the rule is in force everywhere", interval=0.01)
    heard = max(node.obeyed[-1][1] for node in fleet.nodes.values())
    # Else the next one is saved while all still ask for this one.
    time.sleep(1)
    return max(heard - saved, 0.0)
