"""One large study and many small ones for the same destination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from benchmarks.bench import Bench, add_destination, forward, wait_for_arrival
from benchmarks.load import instances_of, upload
from benchmarks.rows import Row, all_of, short
from testbed.waiting import wait_for


def run(bench: Bench) -> Iterator[Row]:
    """Upload the large one first; nearly all small ones should be delivered before it is."""
    size, count = bench.size(400, 5000), bench.size(20, 100)
    large, small = bench.studies(1, size), bench.studies(count, 3)
    console, destination = bench.console(), bench.orthanc("destination")
    node = bench.node(console, "node")
    forward(console, [node], [add_destination(console, "destination", destination)])
    upload(node.http_port, [*large, *small])
    wait_for_arrival(destination, size + instances_of(small), timeout=60 + size / 10)

    def delivered() -> dict[int, list[float]]:
        by_size: dict[int, list[float]] = {size: [], 3: []}
        for delivery in console.pages("/deliveries/", state="delivered,verified"):
            at = datetime.fromisoformat(delivery["delivered_at"]).timestamp()
            by_size.setdefault(delivery["instance_count"], []).append(at)
        return by_size if sum(map(len, by_size.values())) > count else {}

    by_size = wait_for(delivered, "all is delivered")
    end = max(at for number, times in by_size.items() if number != 3 for at in times)
    setting = f"{count} studies of 3 instances, one of {size:,}"
    before = sum(at < end for at in by_size[3])
    yield all_of("small studies delivered before the large one was", before, count, setting)
    ahead = end - max(by_size[3])
    yield Row("the last small one was ahead of the large one by", f"{short(ahead)} s", setting)
