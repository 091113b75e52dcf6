"""A destination that reports success and drops every tenth instance."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.bench import Bench, add_destination, arrived, forward
from benchmarks.load import instances_of, upload
from benchmarks.receiver import telling
from benchmarks.rows import Row, all_of, none_of
from testbed.console import ConsoleServer

INSTANCES = 15
PATIENCE = 90.0


def run(bench: Bench) -> Iterator[Row]:
    """Look again and again whether what the console calls verified is complete at the destination."""
    count = bench.size(10, 50)
    studies = bench.studies(count, INSTANCES)
    console = bench.console()
    destination = bench.orthanc("destination", telling(drop_every=10))
    node = bench.node(console, "node")
    target = add_destination(console, "destination", destination, verify="instances")
    forward(console, [node], [target])
    upload(node.http_port, studies)
    early: set[str] = set()
    verified: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and len(verified) < count:
        verified = _verified(console)
        # Counted after the console was asked: what is incomplete now was incomplete then.
        there = destination.instance_counts()
        early |= {study for study in verified if there.get(study, 0) < INSTANCES}
        time.sleep(0.1)
    setting = f"{count} studies of {INSTANCES} instances, verify: instances"
    total = instances_of(studies)
    yield all_of("instances that are there in the end", arrived(destination), total, setting)
    yield all_of("studies shown as verified in the end", len(verified), count, setting)
    yield none_of(
        "studies shown as verified while something was missing", len(early), count, setting
    )


def _verified(console: ConsoleServer) -> set[str]:
    uids = {study["id"]: study["study_instance_uid"] for study in console.pages("/studies/")}
    found = console.pages("/deliveries/", state="verified")
    return {uids[delivery["study"]] for delivery in found if delivery["study"] in uids}
