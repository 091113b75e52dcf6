"""The cases, in the order in which they run. Each module has one function `run(bench)` that yields its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.cases import (
    absence,
    idle,
    intake,
    isolation,
    killing,
    large,
    lists,
    loop,
    lossy,
    nodes,
    outage,
    purge,
    reaction,
    reception,
    replicas,
    rules,
    sharing,
    stopping,
    throughput,
)
from benchmarks.rows import Row

CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "reception": reception.run,
    "idle": idle.run,
    "reaction": reaction.run,
    "throughput": throughput.run,
    "isolation": isolation.run,
    "large": large.run,
    "outage": outage.run,
    "lossy": lossy.run,
    "loop": loop.run,
    "absence": absence.run,
    "purge": purge.run,
    "rules": rules.run,
    "stopping": stopping.run,
    "killing": killing.run,
    "sharing": sharing.run,
    "intake": intake.run,
    "lists": lists.run,
    "nodes": nodes.run,
    "replicas": replicas.run,
}
