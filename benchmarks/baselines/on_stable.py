"""The simplest forwarding script: an OnChange callback that posts a permissive job for each stable study."""

from __future__ import annotations

import json

import orthanc

URL = json.loads(orthanc.GetConfiguration())["Baseline"]["Url"]


def on_change(change: int, level: int, resource: str) -> None:
    """Forward a study as soon as it is stable."""
    if change == orthanc.ChangeType.STABLE_STUDY:
        job = {"Resources": [resource], "Synchronous": False, "Permissive": True}
        orthanc.RestApiPost(URL, json.dumps(job))


orthanc.RegisterOnChangeCallback(on_change)
