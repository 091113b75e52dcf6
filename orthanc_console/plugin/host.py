"""What the console should know of this Orthanc: versions, settings that matter, and what is wrong with them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from orthanc_console.plugin.settings import may_share_index
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.version import VERSION

# Orthanc's defaults (Configuration.json of Orthanc 1.10.1 to 1.13.0) of the settings that the plugin depends on.
DEFAULTS = {"StableAge": 60, "ConcurrentJobs": 2, "JobsHistorySize": 10, "SaveJobs": True}
LOOK = 60.0
LONG_STABLE_AGE = 600
# Each connection that the plugin keeps open holds one of Orthanc's HTTP threads.
ENOUGH_HTTP_THREADS = 20


class Host:
    """Facts about this Orthanc. Those from its REST API come with the first step that reaches it.

    Args:
        configuration: Orthanc's configuration as the user wrote it.
        orthanc: None when the plugin cannot reach Orthanc at all.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        orthanc: OrthancClient | None,
        tcp_no_delay: bool,
        warnings: Warnings,
    ) -> None:
        self._orthanc = orthanc
        self._warnings = warnings
        self._http_threads = int(configuration.get("HttpThreadsCount", 50))
        self._may_share_index = may_share_index(configuration)
        self._checks_revisions = configuration.get("CheckRevisions") is True
        self._has_server_identifier = "DatabaseServerIdentifier" in configuration
        settings = {name: configuration.get(name, value) for name, value in DEFAULTS.items()}
        self.settings = {**settings, "TcpNoDelay": tcp_no_delay}
        if self.shares_index:
            self.settings["SharesIndex"] = True
        self._facts: dict[str, Any] = {
            "plugin_version": VERSION,
            "python_version": platform.python_version(),
            "started_at": clock.iso(clock.now()),
            "settings": self.settings,
        }
        for code, message in {**self.advice(), **self._shared_index_advice()}.items():
            warnings.set(code, message)

    @property
    def stable_age(self) -> float:
        """Seconds, `StableAge` of Orthanc."""
        return float(self.settings["StableAge"])

    @property
    def workers(self) -> int:
        """How many jobs Orthanc runs at once; `ConcurrentJobs` 0 means one for each processor."""
        return max(1, int(self.settings["ConcurrentJobs"]) or 2)

    @property
    def shares_index(self) -> bool:
        """Whether studies have to be claimed before they are decided about, and can be."""
        return self._may_share_index and self._checks_revisions

    def advice(self) -> dict[str, str]:
        """Settings of Orthanc that make the plugin's work slower or less sure: by code, a sentence for each."""
        found = {}
        if self.workers < 2:
            found["concurrent_jobs"] = (
                '"ConcurrentJobs" is 1: while one destination takes its time, no other is sent to. Set it to 2 or more.'
            )
        if int(self.settings["JobsHistorySize"]) < 2 * self.workers:
            found["jobs_history_size"] = (
                f'"JobsHistorySize" is {self.settings["JobsHistorySize"]}: Orthanc may forget how a job ended before the plugin '
                f"has seen it, and the images are sent again. Set it to {max(10, 2 * self.workers)} or more."
            )
        if self.settings["SaveJobs"] is False:
            found["save_jobs"] = (
                '"SaveJobs" is false: what is being sent when Orthanc ends is sent again from its beginning. Set it to true.'
            )
        if self._http_threads < ENOUGH_HTTP_THREADS:
            found["http_threads"] = (
                f'"HttpThreadsCount" is {self._http_threads}: the plugin keeps up to ten connections to Orthanc open, and each '
                f"holds a thread. Set it to {ENOUGH_HTTP_THREADS} or more; the default is 50."
            )
        if self.stable_age > LONG_STABLE_AGE:
            found["stable_age"] = (
                f'"StableAge" is {self.stable_age:.0f} seconds: studies are forwarded only that long after their last image. '
                "The default is 60."
            )
        return found

    def _shared_index_advice(self) -> dict[str, str]:
        if not self._may_share_index or self._checks_revisions:
            return {}
        return {
            "shared_index": '"Lock" is false, so other Orthancs may use this index, and "CheckRevisions" is not true, so they '
            'cannot agree who forwards what: each forwards every study. Set "CheckRevisions" to true on all of them; or "Lock" '
            "to true if this is the only one."
        }

    def _shared_database_advice(self, system: Mapping[str, Any]) -> None:
        if system.get("DatabaseBackendPlugin") and not self._has_server_identifier:
            self._warnings.set(
                "database_server_identifier",
                'Orthanc uses a shared database without "DatabaseServerIdentifier": in a container that is made anew it loses '
                "the jobs under way, and their images are sent again. Set an identifier of its own for each Orthanc.",
            )

    def describe(self) -> dict[str, Any]:
        return dict(self._facts)

    def step(self) -> float:
        """Ask Orthanc. Returns seconds until the next time."""
        if self._orthanc is None:
            return LOOK
        system = self._orthanc.get("/system")
        self._shared_database_advice(system)
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
