"""A healthy destination beside a mute one and one that is down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Any

from benchmarks.baselines import on_stable
from benchmarks.bench import Bench, add_destination, forward, settle, wait_for_revision
from benchmarks.load import Study, upload
from benchmarks.receiver import mute_server
from benchmarks.rows import Row, at_most, short
from orthanc_console.plugin import clock
from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.waiting import free_port, wait_for

LIMIT = 1.5
# Seconds between two studies.
PACE = 0.5


def run(bench: Bench) -> Iterator[Row]:
    """Send studies one by one, first to the healthy destination alone, then to all three."""
    count = bench.size(20, 50)
    studies = bench.studies(2 * count, 3)
    console, healthy = bench.console(), bench.orthanc("healthy")
    node = bench.node(console, "node")
    target = add_destination(console, "healthy", healthy)
    forward(console, [node], [target])
    alone = _waits(console, target, node, studies[:count])
    with mute_server() as port:
        sick = [_nowhere(console, "mute", port), _nowhere(console, "down", free_port())]
        before = settle(node)
        (rule,) = console.get("/rules/")["results"]
        console.patch(f"/rules/{rule['id']}/", {"destinations": [target, *sick]})
        wait_for_revision(node, before + 1)
        beside = _waits(console, target, node, studies[count:])
        setting = f"{count} studies, one each {PACE} s, Orthanc's defaults"
        yield at_most(
            "decision to delivered at the healthy one, median, beside the others / alone",
            median(beside) / median(alone),
            LIMIT,
            "",
            setting,
            spread=f" ({short(median(beside))} s / {short(median(alone))} s, longest {short(max(beside))} s)",
        )
        yield _script(bench, port, studies[:10])


def _nowhere(console: ConsoleServer, name: str, port: int) -> int:
    place = {"kind": "modality", "aet": name.upper(), "host": "127.0.0.1", "port": port}
    return int(console.post("/destinations/", {"name": name, **place})["id"])


def _waits(
    console: ConsoleServer, target: int, node: OrthancServer, studies: tuple[Study, ...]
) -> list[float]:
    """Seconds from the decision, which follows within 0.2 s on the stable study, to `delivered`."""
    begun = clock.iso(time.time())
    for study in studies:
        upload(node.http_port, [study])
        time.sleep(PACE)

    def all_there() -> list[dict[str, Any]]:
        mine = console.pages("/deliveries/", destination=target, created_after=begun)
        done = [delivery for delivery in mine if delivery["delivered_at"]]
        return done if len(done) >= len(studies) else []

    done = wait_for(all_there, "all reach the healthy destination", timeout=180, interval=0.5)
    return [_seconds(d["delivered_at"]) - _seconds(d["created_at"]) for d in done]


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _script(bench: Bench, port: int, studies: tuple[Study, ...]) -> Row:
    """What the naive script does, with a new healthy destination."""
    fresh = bench.orthanc("fresh")
    names = {
        "mute": ["MUTE", "127.0.0.1", port],
        "down": ["DOWN", "127.0.0.1", free_port()],
        "fresh": fresh.as_modality(),
    }
    urls = [f"/modalities/{name}/store" for name in names]
    node = bench.orthanc("script", {**on_stable(*urls), "DicomModalities": names})
    begun = time.monotonic()
    for study in studies:
        upload(node.http_port, [study])
        time.sleep(PACE)
    limit = bench.size(60, 300)
    times: list[float] = []
    while len(times) < len(studies) and time.monotonic() - begun < limit:
        stored = len(fresh.get("/studies"))
        times += [time.monotonic() - begun] * (stored - len(times))
        time.sleep(0.2)
    found = f"{len(times)} of {len(studies)} within {limit} s"
    if times:
        found += f", the first after {short(times[0])} s"
    return Row(
        "for comparison, naive script: studies at the healthy one",
        found,
        f"{len(studies)} studies, one each {PACE} s",
    )
