"""How fast studies reach a destination, next to jobs that are posted directly, a naive script and Lua autorouting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from benchmarks.baselines import autorouting, on_stable
from benchmarks.bench import Bench, add_destination, forward, wait_for_arrival
from benchmarks.load import Study, instances_of, upload
from benchmarks.process import cpu_seconds
from benchmarks.rows import Row, around, at_least, short, spread
from testbed.orthanc import FAST_DICOM, OrthancServer
from testbed.studies import send_by_cstore
from testbed.waiting import wait_for

NAME = "destination"
PAIRS = 5
# Seconds after which nothing is going on but what is measured.
SETTLE = 3


class _Spent:
    """Seconds from the first to the last arrival, and processor time of the node from now on."""

    def __init__(self, node: OrthancServer) -> None:
        self._node, self._used = node, cpu_seconds(node)

    def wait(self, destination: OrthancServer, instances: int) -> None:
        wait_for_arrival(destination, 1)
        begun = time.monotonic()
        wait_for_arrival(destination, instances)
        self.seconds = time.monotonic() - begun
        self.cpu = cpu_seconds(self._node) - self._used


def run(bench: Bench) -> Iterator[Row]:
    """Forward the same studies in each way, to each kind of destination, on fresh servers each time."""
    slow = bench.studies(bench.size(100, 200), 10)
    yield from _against_scripts(bench, "modality", slow, {}, 1.9)
    many = bench.studies(200, 10)
    yield from _against_scripts(bench, "modality", many, FAST_DICOM, 10)
    yield from _against_scripts(bench, "peer", many, FAST_DICOM, None)
    yield from _against_direct(bench, "modality", slow, {}, pairs=1)
    yield from _against_direct(bench, "modality", many, FAST_DICOM, PAIRS)
    yield from _against_direct(bench, "peer", many, FAST_DICOM, PAIRS)


def _against_scripts(
    bench: Bench,
    kind: str,
    studies: tuple[Study, ...],
    environment: Mapping[str, str],
    required: float | None,
) -> Iterator[Row]:
    """All from the upload on. What is required counts from its end, because no way can shorten the upload itself."""
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
        for number, begin in enumerate(("start", "end")):
            measured = f"{begin} of the upload to last arrival, {way} / plugin"
            ratio = theirs[number] / ours[number]
            absolute = f" ({short(theirs[number])} s / {short(ours[number])} s)"
            if (way, begin) == ("naive script", "end") and required is not None:
                yield at_least(measured, ratio, required, "", setting, spread=absolute)
            else:
                yield Row(measured, short(ratio) + absolute, setting)


def _against_direct(
    bench: Bench,
    kind: str,
    studies: tuple[Study, ...],
    environment: Mapping[str, str],
    pairs: int,
) -> Iterator[Row]:
    """All is stored already; then the jobs are posted, or the destination comes back: from the first to the last arrival."""
    ratios, costs, absolute = [], [], []
    for number in range(pairs):
        both = {}
        for plugin in (number % 2 == 0, number % 2 != 0):
            queue = _plugin_queue if plugin else _direct_queue
            both[plugin] = queue(bench, kind, studies, environment)
        ratios.append(both[False].seconds / both[True].seconds)
        absolute.append(f"{short(both[False].seconds)} s / {short(both[True].seconds)} s")
        costs.append(1000 * (both[True].cpu - both[False].cpu) / len(studies))
    setting = f"{_setting(kind, studies, environment)}, node with TCP_NODELAY, pairs: {pairs}"
    measured = "queue of stable studies, jobs posted directly at once / plugin"
    told = f"{around(ratios)}: {', '.join(absolute)}"
    yield at_least(measured, median(ratios), 0.95, "", setting, spread=told)
    measured = "processor time of the node for a study, more than with direct jobs"
    yield Row(measured, spread(costs, " ms"), setting)


def _plugin_end_to_end(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> tuple[float, float]:
    console = bench.console()
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.node(console, "node")
    forward(console, [node], [add_destination(console, NAME, destination, kind=kind)])
    seconds = _upload_and_wait(node, studies, destination)
    _discard(bench, node, destination, console)
    return seconds


def _plugin_queue(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> _Spent:
    console = bench.console()
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.node(console, "node")
    forward(console, [node], [add_destination(console, NAME, destination, kind=kind)])
    destination.stop()
    _receive(node, studies)

    def waiting() -> bool:
        (lane,) = node.get("/orthanc-console/status")["lanes"]
        return bool(lane["waiting"] >= len(studies))

    wait_for(waiting, "all studies wait")
    time.sleep(SETTLE)
    # The console is seldom on the server of an Orthanc; here it would take the time of its processors.
    console.stop()
    spent = _Spent(node)
    destination.start()
    spent.wait(destination, instances_of(studies))
    _discard(bench, node, destination, console)
    return spent


def _direct_queue(
    bench: Bench, kind: str, studies: tuple[Study, ...], environment: Mapping[str, str]
) -> _Spent:
    destination = bench.orthanc(NAME, environment=environment)
    node = bench.orthanc("node", _known(kind, destination), environment=FAST_DICOM)
    _receive(node, studies)
    time.sleep(SETTLE)
    spent = _Spent(node)
    for ident in node.get("/studies"):
        node.post(_store_url(kind), {"Resources": [ident], "Synchronous": False})
    spent.wait(destination, instances_of(studies))
    _discard(bench, node, destination)
    return spent


def _receive(node: OrthancServer, studies: tuple[Study, ...]) -> None:
    """By C-STORE: of what came by HTTP the plugin asks a peer first whether it has it, as it may have come from there."""
    files = [path for study in studies for path in study.files]
    send_by_cstore(files, "127.0.0.1", node.dicom_port, node.aet)


def _upload_and_wait(
    node: OrthancServer, studies: tuple[Study, ...], destination: OrthancServer
) -> tuple[float, float]:
    """Seconds from the start and from the end of the upload to the last instance at the destination."""
    begun = time.monotonic()
    upload(node.http_port, studies)
    uploaded = time.monotonic()
    wait_for_arrival(destination, instances_of(studies))
    end = time.monotonic()
    return end - begun, end - uploaded


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
