"""Two Orthancs on one PostgreSQL index: each study is forwarded once, also when one of them is killed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench, add_destination, arrived, forward, wait_for_arrival
from benchmarks.load import Study, instances_of, upload
from benchmarks.receiver import received, telling
from benchmarks.rows import Row, none_of
from routing.plugin.deliveries import IDENTIFIER_BYTES
from testbed.orthanc import OrthancServer
from testbed.postgres import PostgresServer
from testbed.versions import OrthancVersion

STUDIES = 100
INSTANCES = 3
# The others take over after a minute of silence.
PATIENCE = 150
# What a node was sending, or had sent and not yet told the other.
UNTOLD = """
SELECT coalesce(sum(length(delivery.instances)), 0) FROM delivery JOIN claim ON claim.study = delivery.study
WHERE claim.owner = ? AND delivery.state NOT IN ('waiting', 'held')"""


@dataclass
class Pair:
    """Two nodes on one index, and where they forward everything to."""

    one: OrthancServer
    two: OrthancServer
    destination: OrthancServer

    def wait(self, instances: int) -> None:
        """Wait until so many have arrived, or so long that they never will."""
        with suppress(TimeoutError):
            wait_for_arrival(self.destination, instances, PATIENCE)

    def twice(self) -> int:
        """How many instances came more than once."""
        return sum(times > 1 for times in received(self.destination).values())


def run(bench: Bench) -> Iterator[Row]:
    """Upload to both in turn; then once more with a kill of one half way."""
    studies = bench.studies(STUDIES, INSTANCES)
    total = instances_of(studies)
    for version in bench.versions:
        number = version.full_number()
        setting = f"Orthanc {number}, {STUDIES} studies of {INSTANCES} instances, received in turn"
        with _pair(bench, version) as pair:
            _upload(pair, studies)
            pair.wait(total)
            yield none_of("instances missing", total - arrived(pair.destination), total, setting)
            yield none_of("instances sent twice", pair.twice(), total, setting)
        setting += ", kill -9 of one half way"
        with _pair(bench, version) as pair:
            _upload(pair, studies)
            pair.wait(total // 2)
            pair.one.kill()
            untold = _untold(pair.one)
            pair.wait(total)
            yield none_of("instances missing", total - arrived(pair.destination), total, setting)
            found, limit = f"{pair.twice()} of {total}", f"≤ {untold}, those in flight"
            yield Row("instances sent twice", found, setting, limit, pair.twice() <= untold)


@contextmanager
def _pair(bench: Bench, version: OrthancVersion) -> Iterator[Pair]:
    storage = bench.folder / "storage"
    storage.mkdir()
    with PostgresServer() as postgres:
        console, destination = bench.console(), bench.orthanc("destination", telling())
        one, two = (
            bench.node(
                console,
                name,
                {**postgres.as_index(storage), "DatabaseServerIdentifier": name},
                version=version,
            )
            for name in ("one", "two")
        )
        forward(console, [one, two], [add_destination(console, "destination", destination)])
        yield Pair(one, two, destination)
        for server in (one, two, destination, console):
            bench.discard(server)
    shutil.rmtree(storage)


def _upload(pair: Pair, studies: tuple[Study, ...]) -> None:
    for number, study in enumerate(studies):
        upload((pair.one, pair.two)[number % 2].http_port, (study,))


def _untold(node: OrthancServer) -> int:
    """Instances of which the other node could not know that they were sent, by a copy of the state file."""
    folder = Path(str(node.configuration["OrthancConsole"]["StateDirectory"]))
    owner = (folder / "instance").read_text(encoding="ascii").strip()
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        with closing(sqlite3.connect(Path(copy) / "orthanc-console.db")) as state:
            (size,) = state.execute(UNTOLD, (owner,)).fetchone()
    return int(size) // IDENTIFIER_BYTES
