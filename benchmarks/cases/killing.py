"""kill -9 of Orthanc: while studies wait, in mid-transfer, and before they are stable."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.baselines import on_stable
from benchmarks.bench import Bench, add_destination, arrived, forward, wait_for_arrival
from benchmarks.load import Study, instances_of, upload
from benchmarks.receiver import received, telling
from benchmarks.rows import Row, none_of
from routing.plugin.deliveries import IDENTIFIER_BYTES
from testbed.orthanc import OrthancServer
from testbed.versions import OrthancVersion

INSTANCES = 3
# Long enough that no study is stable when the upload ends.
STABLE_AGE = 4
PATIENCE = 60

Moment = Callable[[OrthancServer, int], None]


class End(NamedTuple):
    """What became of a round, in instances: `flying` is how many were in jobs at the kill."""

    missing: int
    twice: int
    flying: int


def run(bench: Bench) -> Iterator[Row]:
    """Kill in several rounds at each moment, start again, and count what is missing and what came twice."""
    for version in bench.versions:
        yield from _rounds(bench, version)
    yield from _script(bench)


def _none_stable(destination: OrthancServer, total: int) -> None:
    """The upload has just ended."""


def _waiting(destination: OrthancServer, total: int) -> None:
    """The first instance has arrived: the others are queued."""
    wait_for_arrival(destination, 1)


def _half_way(destination: OrthancServer, total: int) -> None:
    """Half of all instances have arrived."""
    wait_for_arrival(destination, total // 2)


MOMENTS: dict[str, Moment] = {
    "before any study was stable": _none_stable,
    "with nearly all waiting": _waiting,
    "in mid-transfer": _half_way,
}


def _rounds(bench: Bench, version: OrthancVersion) -> Iterator[Row]:
    studies = bench.studies(bench.size(25, 100), INSTANCES)
    rounds = bench.size(3, 10)
    for words, moment in MOMENTS.items():
        ends = [_round(bench, version, studies, moment) for _ in range(rounds)]
        setting = f"Orthanc {version.full_number()}, {rounds} rounds of {len(studies)} studies"
        total = rounds * instances_of(studies)
        missing = sum(end.missing for end in ends)
        yield none_of(f"instances missing after a kill {words}", missing, total, setting)
        twice, flying = sum(end.twice for end in ends), sum(end.flying for end in ends)
        found, limit = f"{twice} of {total}", f"≤ {flying}, those in flight"
        yield Row("instances sent twice", found, setting, limit, twice <= flying)


def _round(
    bench: Bench, version: OrthancVersion, studies: tuple[Study, ...], moment: Moment
) -> End:
    console, destination = bench.console(), bench.orthanc("destination", telling())
    node = bench.node(console, "node", {"StableAge": STABLE_AGE}, version=version)
    forward(console, [node], [add_destination(console, "destination", destination)])
    total = instances_of(studies)
    upload(node.http_port, studies)
    moment(destination, total)
    node.kill()
    flying = _flying(node)
    node.start()
    with suppress(TimeoutError):
        wait_for_arrival(destination, total, PATIENCE)
    times: Counter[str] = received(destination)
    missing = total - arrived(destination)
    for server in (node, destination, console):
        bench.discard(server)
    return End(missing, sum(number > 1 for number in times.values()), flying)


def _flying(node: OrthancServer) -> int:
    """How many instances were in jobs when the node died, by a copy of its state file."""
    folder = Path(str(node.configuration["OrthancConsole"]["StateDirectory"]))
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        with closing(sqlite3.connect(Path(copy) / "orthanc-console.db")) as state:
            (count,) = state.execute(
                "SELECT coalesce(sum(length(instances)), 0) FROM job"
            ).fetchone()
    return int(count) // IDENTIFIER_BYTES


def _script(bench: Bench) -> Iterator[Row]:
    studies = bench.studies(25, INSTANCES)
    total = instances_of(studies)
    for words, moment in MOMENTS.items():
        destination = bench.orthanc("destination")
        known = {"DicomModalities": {"x": destination.as_modality()}, "StableAge": STABLE_AGE}
        node = bench.orthanc("node", {**on_stable("/modalities/x/store"), **known})
        upload(node.http_port, studies)
        moment(destination, total)
        node.kill()
        node.start()
        with suppress(TimeoutError):
            wait_for_arrival(destination, total, 3 * STABLE_AGE)
        missing = f"{total - arrived(destination)} of {total}"
        measured = f"for comparison, naive script: instances missing after a kill {words}"
        yield Row(measured, missing, "one round of 25 studies")
        bench.discard(node)
        bench.discard(destination)
