"""Puts purging together inside Orthanc."""

from __future__ import annotations

import shutil

from orthanc_console.plugin import clock
from orthanc_console.plugin.core import Built, Core
from orthanc_console.plugin.worker import Worker
from purge.plugin.capability import Purge
from purge.plugin.endpoint import Endpoint
from purge.plugin.executor import Executor
from purge.plugin.runs import SCHEMA, RunStore
from purge.plugin.stored import Surroundings
from routing.plugin.holdings import Holdings
from routing.plugin.store import DeliveryStore

__all__ = ["SCHEMA", "build"]

FORGET_EVERY = 3600.0


def build(core: Core) -> Built:
    """The executor and its thread, and the housekeeping."""
    runs = RunStore(core.state)
    around = Surroundings(
        core.orthanc,
        DeliveryStore(core.state),
        Holdings(core.orthanc, core.configuration),
        core.host.stable_age,
        claims_as=core.state.instance if core.host.shares_index else "",
    )
    folder = str(core.configuration.get("StorageDirectory", "OrthancStorage"))

    def usage() -> tuple[int, int]:
        disk = shutil.disk_usage(folder)
        return disk.used, disk.used + disk.free

    executor = Executor(core.state, runs, around, core.warnings, usage)

    def forget() -> float:
        runs.forget_old(clock.now())
        return FORGET_EVERY

    purge = Purge(core.state, runs, executor, around, core.warnings, usage)
    return Built(
        purge,
        [
            Worker("purge", executor.step, core.warnings, executor.wake),
            Worker("purge_forget", forget, core.warnings),
        ],
        {"/purge-old-studies": Endpoint(purge).answer},
    )
