"""The cases, in the order in which they run. Each module has one function `run(bench)` that yields its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.cases import idle, reaction, reception, stopping, throughput
from benchmarks.rows import Row

CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "reception": reception.run,
    "reaction": reaction.run,
    "idle": idle.run,
    "stopping": stopping.run,
    "throughput": throughput.run,
}
