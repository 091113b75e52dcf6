"""The simplest forwarding script: an OnChange callback that posts permissive jobs for each stable study."""

from __future__ import annotations

import json

import orthanc

URLS = json.loads(orthanc.GetConfiguration())["Baseline"]["Urls"]


def on_change(change: int, level: int, resource: str) -> None:
    """Forward a study as soon as it is stable."""
    if change == orthanc.ChangeType.STABLE_STUDY:
        job = {"Resources": [resource], "Synchronous": False, "Permissive": True}
        for url in URLS:
            orthanc.RestApiPost(url, json.dumps(job))


orthanc.RegisterOnChangeCallback(on_change)
