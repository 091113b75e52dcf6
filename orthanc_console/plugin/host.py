"""What the console should know of this Orthanc: versions, settings that matter, and what is wrong with them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from orthanc_console.version import VERSION

# Orthanc's defaults (Configuration.json of Orthanc 1.10.1 to 1.13.0) of the settings that the plugin depends on.
DEFAULTS = {"StableAge": 60, "ConcurrentJobs": 2, "JobsHistorySize": 10, "SaveJobs": True}
LOOK = 60.0


class Host:
    """Facts about this Orthanc. Those from its REST API come with the first step that reaches it.

    Args:
        configuration: Orthanc's configuration as the user wrote it.
        orthanc: None when the plugin cannot reach Orthanc at all.
    """

    def __init__(
        self, configuration: Mapping[str, Any], orthanc: OrthancClient | None, tcp_no_delay: bool
    ) -> None:
        self._orthanc = orthanc
        settings = {name: configuration.get(name, value) for name, value in DEFAULTS.items()}
        self.settings = {**settings, "TcpNoDelay": tcp_no_delay}
        self._facts: dict[str, Any] = {
            "plugin_version": VERSION,
            "python_version": platform.python_version(),
            "started_at": clock.iso(clock.now()),
            "settings": self.settings,
        }

    @property
    def stable_age(self) -> float:
        """Seconds, `StableAge` of Orthanc."""
        return float(self.settings["StableAge"])

    @property
    def workers(self) -> int:
        """How many jobs Orthanc runs at once; `ConcurrentJobs` 0 means one for each processor."""
        return max(1, int(self.settings["ConcurrentJobs"]) or 2)

    def describe(self) -> dict[str, Any]:
        return dict(self._facts)

    def step(self) -> float:
        """Ask Orthanc. Returns seconds until the next time."""
        if self._orthanc is None:
            return LOOK
        system = self._orthanc.get("/system")
        capabilities = []
        if self._has_plugin("dicom-web"):
            capabilities.append("dicomweb")
        if system.get("HasLabels"):
            capabilities.append("labels")
        python = self._orthanc.get("/plugins/python")
        self._facts |= {
            "orthanc_version": system["Version"],
            "orthanc_name": system.get("Name", ""),
            "dicom_aet": system["DicomAet"],
            "dicom_port": system["DicomPort"],
            "http_port": system["HttpPort"],
            "python_plugin_version": python["Version"],
            "capabilities": capabilities,
            "database": "shared" if system.get("DatabaseBackendPlugin") else "sqlite",
        }
        return LOOK

    def _has_plugin(self, name: str) -> bool:
        assert self._orthanc is not None  # noqa: S101
        try:
            self._orthanc.get(f"/plugins/{name}")
        except NotFound:
            return False
        return True
