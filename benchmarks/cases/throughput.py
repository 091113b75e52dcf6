"""How fast studies reach a destination, next to jobs that are posted directly, a naive script and Lua autorouting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from benchmarks.baselines import autorouting, on_stable
from benchmarks.bench import Bench, add_destination, forward, wait_for_arrival
from benchmarks.load import Study, instances_of, upload
from benchmarks.rows import Row, around, at_least, short
from testbed.orthanc import FAST_DICOM, OrthancServer
from testbed.waiting import wait_for

NAME = "destination"
PAIRS = 3


def run(bench: Bench) -> Iterator[Row]:
    """Forward the same studies in each way, to each kind of destination, on fresh servers each time."""
    slow = bench.studies(bench.size(60, 200), 10)
    yield from _against_scripts(bench, "modality", slow, {}, 1.9)
    many = bench.studies(200, 10)
    yield from _against_scripts(bench, "modality", many, FAST_DICOM, 10)
    yield from _against_scripts(bench, "peer", many, FAST_DICOM, None)
    yield _against_direct(bench, "modality", slow, {}, pairs=1)
    yield _against_direct(bench, "modality", many, FAST_DICOM, PAIRS)
    yield _against_direct(bench, "peer", many, FAST_DICOM, PAIRS)


def _against_scripts(
    bench: Bench,
    kind: str,
    studies: tuple[Study, ...],
    environment: Mapping[str, str],
    required: float | None,
) -> Iterator[Row]:
    """From the start of the upload to the last instance at the destination."""
    url = _store_url(kind)
    setting = _setting(kind, studies, environment)
    ways = {"naive script": on_stable(url), "Lua": autorouting(url)}
    seconds = {}
    for way, configuration in ways.items():
        destination = bench.orthanc(NAME, environment=environment)
        node = bench.orthanc("node", {**configuration, **_known(kind, destination)})
        seconds[way] = _upload_and_wait(node, studies, destination)
        _discard(bench, node, destination)
    ours = _plugin_end_to_end(bench, kind, studies, environment)
    for way, theirs in seconds.items():
        measured = f"upload to last arrival, {way} / plugin"
        absolute = f" ({short(theirs)} s / {short(ours)} s)"
        if way == "naive script" and required is not None:
            yield at_least(measured, theirs / ours, required, "", setting, spread=absolute)
        else:
            yield Row(measured, short(theirs / ours) + absolute, setting)


def _against_direct(
    bench: Bench,
    kind: str,
    studies: tuple[Study, ...],
    environment: Mapping[str, str],
    pairs: int,
) -> Row:
    """All is stored already: from posting the jobs, or resuming the destination, to the last instance there."""
    ratios = []
    for number in range(pairs):
        seconds = {}
        for plugin in (number % 2 == 0, number % 2 != 0):
            queue = _plugin_queue if plugin else _direct_queue
            seconds[plugin] = queue(bench, kind, studies, environment)
        ratios.append(seconds[False] / seconds[True])
    return at_least(
        "queue of stable studies, jobs posted directly at once / plugin",
        median(ratios),
        0.95,
        "",
        f"{_setting(kind, studies, environment)}, node with TCP_NODELAY, pairs: {pairs}",
        spread=around(ratios),
    )


def _plugin_end_to_end(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> float:
    console = bench.console()
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.node(console, "node")
    forward(console, [node], [add_destination(console, NAME, destination, kind=kind)])
    seconds = _upload_and_wait(node, studies, destination)
    _discard(bench, node, destination, console)
    return seconds


def _plugin_queue(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> float:
    console = bench.console()
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.node(console, "node")
    target = add_destination(console, NAME, destination, kind=kind, paused=True)
    forward(console, [node], [target])
    upload(node.http_port, studies)

    def waiting() -> bool:
        (lane,) = node.get("/orthanc-console/status")["lanes"]
        return bool(lane["waiting"] == len(studies))

    wait_for(waiting, "all studies wait")
    begun = time.monotonic()
    console.post(f"/destinations/{target}/resume/")
    wait_for_arrival(destination, instances_of(studies))
    seconds = time.monotonic() - begun
    _discard(bench, node, destination, console)
    return seconds


def _direct_queue(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> float:
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.orthanc("node", _known(kind, destination), environment=FAST_DICOM)
    idents = upload(node.http_port, studies)
    time.sleep(3)  # as the plugin's studies, these are stable
    begun = time.monotonic()
    for ident in idents:
        node.post(_store_url(kind), {"Resources": [ident], "Synchronous": False})
    wait_for_arrival(destination, instances_of(studies))
    seconds = time.monotonic() - begun
    _discard(bench, node, destination)
    return seconds


def _upload_and_wait(
    node: OrthancServer, studies: tuple[Study, ...], destination: OrthancServer
) -> float:
    begun = time.monotonic()
    upload(node.http_port, studies)
    wait_for_arrival(destination, instances_of(studies))
    return time.monotonic() - begun


def _discard(bench: Bench, *servers: Any) -> None:
    for server in servers:
        bench.discard(server)


def _store_url(kind: str) -> str:
    return f"/{'modalities' if kind == 'modality' else 'peers'}/{NAME}/store"


def _known(kind: str, destination: OrthancServer) -> dict[str, Any]:
    if kind == "modality":
        return {"DicomModalities": {NAME: destination.as_modality()}}
    return {"OrthancPeers": {NAME: destination.as_peer()}}


def _setting(kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]) -> str:
    nodelay = "with" if environment else "without"
    wire = f" {nodelay} TCP_NODELAY" if kind == "modality" else ""
    return f"{len(studies)} studies of {len(studies[0])} instances to a {kind}{wire}"
