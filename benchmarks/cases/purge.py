"""Purging: planning, and deleting against a bare loop of DELETE calls on the same server."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.load import Study, upload
from benchmarks.process import memory
from benchmarks.rows import Row, all_of, around, at_least, at_most
from testbed.console import ConsoleServer
from testbed.orthanc import FAST_DICOM, OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for

DUE, YOUNG, DAY = "20190101", "20261101", "2019-01-01"
# Stands in the identifiers of the one study that the others are copies of.
MARK = "77777777"
# Seconds. To be asked takes the console processor time that the run would have; the page of a run asks every three.
WATCH = 1.0


@dataclass(frozen=True)
class Comparison:
    """Seconds that the same number of deletions took by each way, round by round."""

    looped: Sequence[float]
    ran: Sequence[float]

    def row(self, required: float, setting: str) -> Row:
        """How fast runs delete, bare loops being 1: of all rounds together, because single ones are far apart."""
        ratios = [looped / ran for looped, ran in zip(self.looped, self.ran, strict=True)]
        measured = "deletions a second, run / bare loop"
        ratio = sum(self.looped) / sum(self.ran)
        return at_least(measured, ratio, required, "", setting, spread=around(ratios))


def run(bench: Bench) -> Iterator[Row]:
    """Plan over many studies, delete a part by a bare loop and a part by runs, and upload meanwhile."""
    count = bench.size(4000, 20_000)
    console = bench.console()
    node = bench.node(console, "node", environment=FAST_DICOM)
    due = upload(node.http_port, copies(bench.folder, 1, 0, count // 2, DUE))
    upload(node.http_port, copies(bench.folder, 1, count, count // 2, YOUNG))
    wait_until_reported(node)
    setting = f"{count:,} studies of 1 instance, half of them due"
    yield from planning(console, node, count, setting)
    share = count // 8
    compared = compare(console, node, due, 2, share // 2, f'StudyDate == d"{DAY}"')
    yield compared.row(0.6, setting)
    yield from while_deleting(bench, console, node, 2 * share, setting)
    yield from large(bench, console, node)


def copies(folder: Path, instances: int, first: int, count: int, date: str) -> list[Study]:
    """Studies that differ in their identifiers alone."""
    name = f"{instances}-{date}"
    uid = f"1.2.826.0.1.3680043.8.498.{MARK}"
    images = []
    for number, path in enumerate(
        make_study(
            folder / name,
            series=1,
            instances=instances,
            rows=16,
            StudyDate=date,
            PatientID=MARK,
            StudyInstanceUID=uid,
            SeriesInstanceUID=f"{uid}.1",
        )
    ):
        old = path.stem.encode()
        new = f"{uid}.1.{number:04}".encode().ljust(len(old), b"\0")
        images.append(path.read_bytes().replace(old, new))
    numbers = (f"{10_000_000 + first + n}".encode() for n in range(count))
    mark = MARK.encode()
    return [Study((), tuple(image.replace(mark, number) for image in images)) for number in numbers]


def wait_until_reported(node: OrthancServer) -> None:
    """Wait until the plugin has nothing left to report, so that it does nothing else."""
    seen: list[int] = []

    def quiet() -> bool:
        outbox = int(node.get("/orthanc-console/status")["outbox"])
        seen.append(outbox)
        return seen[-6:] == [0] * 6

    wait_for(quiet, "everything is reported", 600, interval=0.5)


def policy(console: ConsoleServer, **values: Any) -> dict[str, Any]:
    defaults = {
        "name": f"policy {time.monotonic()}",
        "enforcement": "active",
        "older_than_days": 365,
        "min_days_since_received": 0,
        "hold_minutes": 0,
        "studies_per_minute": 0,
        "max_studies_per_run": 1_000_000,
    }
    made: dict[str, Any] = console.post("/purge-policies/", {**defaults, **values})
    return made


def start(console: ConsoleServer, made: dict[str, Any]) -> str:
    return str(console.post(f"/purge-policies/{made['id']}/run/", {})["runs"][0]["id"])


def wait_for_run(
    console: ConsoleServer, ident: str, *states: str, interval: float = 0.2
) -> dict[str, Any]:
    def seen() -> dict[str, Any]:
        shown: dict[str, Any] = console.get(f"/purge-runs/{ident}/")
        return shown

    wait_for(lambda: seen()["state"] in states, f"the run is {states}", 600, interval=interval)
    return seen()


def run_policy(console: ConsoleServer, studies: int, **values: Any) -> dict[str, Any]:
    """Delete that many studies and wait for the end."""
    made = policy(console, max_studies_per_run=studies, **values)
    return wait_for_run(console, start(console, made), "done", interval=WATCH)


def seconds(run: dict[str, Any], begin: str, end: str) -> float:
    first, last = (datetime.fromisoformat(run[name]) for name in (begin, end))
    return (last - first).total_seconds()


def compare(
    console: ConsoleServer,
    node: OrthancServer,
    studies: Sequence[str],
    rounds: int,
    each: int,
    expression: str,
) -> Comparison:
    """Let runs and bare loops delete in turn, because disks are not equally fast all the time.

    Whichever comes second was seen to be slower, so `rounds` should be even. Runs take studies of one day in the order of their
    identifiers, so the loops begin at the other end.
    """
    left = sorted(studies)
    looped, ran = [], []
    for number in range(rounds):
        for by_run in (number % 2 == 0, number % 2 != 0):
            if by_run:
                ended = run_policy(console, each, expression=expression)
                if ended["deleted_count"] != each:
                    raise RuntimeError(f"the run deleted {ended['deleted_count']} studies")
                ran.append(seconds(ended, "started_at", "finished_at"))
            else:
                looped.append(seconds_of_loop(node, left[-each:]))
                del left[-each:]
    return Comparison(looped, ran)


def planning(
    console: ConsoleServer, node: OrthancServer, count: int, setting: str
) -> Iterator[Row]:
    made = policy(console, hold_minutes=600)
    before = memory(node)
    peak, planned = [before], threading.Event()

    def watch() -> None:
        while not planned.wait(0.05):
            peak.append(memory(node))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    ident = start(console, made)
    held = wait_for_run(console, ident, "held")
    took = time.monotonic() - begun
    planned.set()
    watcher.join()
    yield all_of("studies planned", held["planned_count"], count // 2, setting)
    planned_in = seconds(held, "created_at", "planned_at")
    yield at_most("time to plan", planned_in, 10, " s", setting)
    yield Row("until the console shows all of it", f"{took:.1f} s", setting)
    yield at_most("memory that planning takes", max(peak) - before, 200, " MB", setting)
    console.post(f"/purge-runs/{ident}/cancel/", {})
    wait_for_run(console, ident, "cancelled")
    wait_until_reported(node)


def seconds_of_loop(node: OrthancServer, studies: Sequence[str]) -> float:
    """How long DELETE calls take, one after another over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=60)
    begun = time.monotonic()
    for study in studies:
        connection.request("DELETE", f"/studies/{study}")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"DELETE answers {response.status}")
    connection.close()
    return time.monotonic() - begun


def upload_rate(node: OrthancServer, folder: Path, first: int) -> float:
    """Studies a second that are received while nothing is deleted."""
    studies = copies(folder, 1, first, 1000, YOUNG)
    begun = time.monotonic()
    upload(node.http_port, studies)
    return len(studies) / (time.monotonic() - begun)


def while_deleting(
    bench: Bench, console: ConsoleServer, node: OrthancServer, share: int, setting: str
) -> Iterator[Row]:
    """Receive, and answer, while a run deletes: at the rate that policies have unless they say otherwise, and without limit."""
    before = upload_rate(node, bench.folder, 30_000_000)
    made = policy(console, max_studies_per_run=share, studies_per_minute=600)
    run_id = start(console, made)
    wait_for_run(console, run_id, "running")
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            begun = time.monotonic()
            node.get("/system")
            waits.append(time.monotonic() - begun)

    asker = threading.Thread(target=ask)
    asker.start()
    limited = upload_rate(node, bench.folder, 40_000_000)
    console.post(f"/purge-runs/{run_id}/cancel/", {})
    wait_for_run(console, run_id, "cancelled")
    run_id = start(console, policy(console, max_studies_per_run=share))
    wait_for_run(console, run_id, "running", "done")
    unlimited = upload_rate(node, bench.folder, 50_000_000)
    over.set()
    asker.join()
    wait_for_run(console, run_id, "done")
    # Disks are not equally fast all the time, so the rate without a purge is taken before and after.
    alone = mean([before, upload_rate(node, bench.folder, 55_000_000)])
    yield at_least(
        "upload rate during a run / without, 600 a minute", limited / alone, 0.7, "", setting
    )
    yield at_least(
        "upload rate during a run / without, no limit", unlimited / alone, 0.7, "", setting
    )
    longest = f"; median {median(waits) * 1000:.0f} ms"
    yield at_most(
        "longest wait for /system meanwhile", max(waits) * 1000, 500, " ms", setting, spread=longest
    )


def large(bench: Bench, console: ConsoleServer, node: OrthancServer) -> Iterator[Row]:
    count, rounds = bench.size(60, 1200), bench.size(2, 24)
    setting = f"{count:,} studies of 100 instances, half by each way, in {rounds} rounds"
    studies = upload(node.http_port, copies(bench.folder, 100, 60_000_000, count, "20180101"))
    wait_until_reported(node)
    each = count // rounds // 2
    compared = compare(console, node, studies, rounds, each, 'StudyDate == d"2018-01-01"')
    yield compared.row(0.95, setting)
