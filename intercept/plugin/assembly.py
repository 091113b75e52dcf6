"""Puts intercept together inside Orthanc."""

from __future__ import annotations

from intercept.plugin.capability import Intercept
from intercept.plugin.dispatcher import Dispatcher
from intercept.plugin.interceptor import Interceptor
from intercept.plugin.resolve import Resolver
from intercept.plugin.store import SCHEMA, WebhookStore
from orthanc_console.plugin import clock
from orthanc_console.plugin.core import Built, Core
from orthanc_console.plugin.worker import Worker

__all__ = ["SCHEMA", "build"]

FORGET_EVERY = 3600.0
# Orthanc's default (Configuration.json of Orthanc 1.10.1 to 1.13.0).
DICOM_THREADS = 4


def build(core: Core) -> Built:
    """The interceptor, and the threads that deliver webhooks and forget old ones."""
    store = WebhookStore(core.state)
    dispatcher = Dispatcher(
        store, core.settings.state_directory, lambda t: capability.switch_off(t)
    )
    interceptor = Interceptor(
        store,
        dispatcher,
        core.orthanc,
        Resolver(core.orthanc, core.configuration.get("StrictAetComparison") is True),
        core.warnings,
        synchronous=core.configuration.get("SynchronousCMove", True) is not False,
        threads=int(core.configuration.get("DicomThreadsCount", DICOM_THREADS)),
    )
    variant = core.move_variant
    capability = Intercept(store, dispatcher, interceptor, core.warnings, variant)
    store.end_interrupted("Orthanc ended in the middle of it.")

    def forget() -> float:
        store.forget_old(clock.now())
        return FORGET_EVERY

    return Built(
        capability,
        [
            Worker("webhooks", dispatcher.step, core.warnings, dispatcher.wake),
            Worker("forget-webhooks", forget, core.warnings),
        ],
        parts=[interceptor],
    )
