"""A destination that is down for a while: what arrives when it is back, and when?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.baselines import autorouting, on_stable
from benchmarks.bench import Bench, add_destination, arrived, forward, wait_for_arrival
from benchmarks.load import instances_of, upload
from benchmarks.rows import Row, all_of, at_most
from testbed.orthanc import OrthancServer
from testbed.waiting import free_port

STUDIES = 50
WITHIN = 30
MODALITY = "destination"


def run(bench: Bench) -> Iterator[Row]:
    """Upload while the destination is down, start it again, and count."""
    seconds = bench.size(20, 60)
    studies = bench.studies(STUDIES, 3)
    setting = f"{STUDIES} studies of 3 instances, down for {seconds} s"
    console = bench.console()
    destinations = {way: _absent(bench, f"for-{way}") for way in ("plugin", "script", "lua")}
    url = f"/modalities/{MODALITY}/store"
    scripts = {"script": on_stable(url), "lua": autorouting(url)}
    nodes = {}
    for way, configuration in scripts.items():
        known = {"DicomModalities": {MODALITY: destinations[way].as_modality()}}
        nodes[way] = bench.orthanc(f"node-{way}", {**configuration, **known})
    node = nodes["plugin"] = bench.node(console, "node-plugin")
    target = add_destination(console, MODALITY, destinations["plugin"])
    forward(console, [node], [target])
    for each in nodes.values():
        upload(each.http_port, studies)
    time.sleep(seconds)
    for destination in destinations.values():
        destination.start()
    begun = time.monotonic()
    try:
        wait_for_arrival(destinations["plugin"], instances_of(studies), timeout=2 * WITHIN)
    finally:
        took = time.monotonic() - begun
        yield all_of("studies that arrived", _complete(destinations["plugin"]), STUDIES, setting)
    yield at_most("the last one arrived after the return", took, WITHIN, " s", setting)
    time.sleep(max(0, WITHIN - took))
    for way, name in (("script", "naive script"), ("lua", "Lua")):
        found = f"{_complete(destinations[way])} of {STUDIES}"
        yield Row(f"for comparison, {name}: studies that arrived", found, setting)


def _absent(bench: Bench, name: str) -> OrthancServer:
    """A destination with an address, at which nothing is yet."""
    server = bench.orthanc(name, http_port=free_port(), dicom_port=free_port())
    server.stop()
    return server


def _complete(destination: OrthancServer) -> int:
    return arrived(destination) // 3
