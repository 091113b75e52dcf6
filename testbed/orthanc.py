"""A real Orthanc server with a folder and ports of its own.

with OrthancServer(tmp_path / "pacs", aet="PACS") as pacs:
    modalities = {"DicomModalities": {"pacs": pacs.as_modality()}}
    with OrthancServer(tmp_path / "node", modalities, version="1.12.7") as node:
        node.post("/modalities/pacs/echo", {})
"""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from testbed import versions
from testbed.http import HttpApi
from testbed.processes import Server
from testbed.waiting import free_port

PLUGINS = Path("/usr/share/orthanc/plugins")
REPOSITORY = Path(__file__).resolve().parent.parent
# Without it, Nagle's algorithm and delayed acknowledgements cost 44 ms an instance and side.
FAST_DICOM = {"TCP_NODELAY": "1"}


class OrthancServer(Server, HttpApi):
    """An Orthanc in `directory`, which keeps its data from one start to the next.

    `configuration` goes over the defaults (which listen on loopback, accept every modality and
    load the DICOMweb plugin; the plugins for Python and PostgreSQL are loaded where there is a
    `PythonScript` or a section `PostgreSQL`). It is written again at every start, so
    `server.configuration[...] = ...` and `restart()` change it.
    `credentials` turns authentication on; `environment` is what Orthanc has besides PATH and LANG;
    `folders` are what it must see in a chroot besides the repository, `directory`, the folder of the
    script and the plugin's `StateDirectory`.
    """

    def __init__(
        self,
        directory: Path,
        configuration: Mapping[str, Any] | None = None,
        *,
        version: str | versions.OrthancVersion = versions.HOST,
        aet: str = "ORTHANC",
        http_port: int | None = None,
        dicom_port: int | None = None,
        credentials: tuple[str, str] | None = None,
        environment: Mapping[str, str] = FAST_DICOM,
        folders: Sequence[Path] = (),
    ) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.version = versions.ensure(version) if isinstance(version, str) else version
        self.aet = aet
        self.http_port = http_port or free_port()
        self.dicom_port = dicom_port or free_port()
        self.credentials = credentials
        self._environment = environment
        self._folders = folders
        self.configuration = {**self._defaults(), **(configuration or {})}
        Server.__init__(
            self, f"Orthanc {self.version.name} ({aet})", self.directory / "orthanc.log"
        )
        HttpApi.__init__(self)
        self.session.auth = credentials

    @property
    def http_url(self) -> str:
        """The address of the REST API, without a slash at its end."""
        scheme = "https" if self.configuration.get("SslEnabled") else "http"
        return f"{scheme}://127.0.0.1:{self.http_port}"

    def as_modality(self) -> list[Any]:
        """Return this server as an entry of another one's `DicomModalities`."""
        return [self.aet, "127.0.0.1", self.dicom_port]

    def as_peer(self) -> list[str]:
        """Return this server as an entry of another one's `OrthancPeers`."""
        return [self.http_url, *(self.credentials or ())]

    def as_dicomweb(self) -> list[str]:
        """Return this server as an entry of another one's `DicomWeb.Servers`."""
        return [f"{self.http_url}/dicom-web/", *(self.credentials or ())]

    def command(self) -> list[str]:
        path = self.directory / "orthanc.json"
        plugins = [str(PLUGINS / "libOrthancDicomWeb.so")]
        if "PythonScript" in self.configuration:
            plugins.append(str(PLUGINS / "libOrthancPython.so"))
        if "PostgreSQL" in self.configuration:
            plugins.append(str(PLUGINS / "libOrthancPostgreSQLIndex.so"))
        path.write_text(json.dumps({"Plugins": plugins, **self.configuration}, indent=1))
        return self.version.command(path, [self.directory, *self._outside_folders()])

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **self._environment}

    def is_ready(self) -> bool:
        # Not by a request: the HTTP server may be off, or ask for a password or a certificate. Right after that line Orthanc
        # begins to catch SIGTERM, which until then ends it on the spot.
        return "Orthanc has started" in self.log_text(since_start=True) and self._catches_sigterm()

    def _catches_sigterm(self) -> bool:
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return False
        (caught,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE) or ["0"]
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    def restart(self) -> None:
        """Stop and start again with the same data."""
        self.stop()
        self.start()

    def base_url(self) -> str:
        return self.http_url

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        if self.configuration.get("SslEnabled"):
            options.setdefault("verify", str(self.configuration["SslCertificate"]))
        return super().request(method, path, **options)

    def instance_counts(self) -> dict[str, int]:
        """Return the number of instances stored of each study, by StudyInstanceUID."""
        studies = {study["ID"]: study for study in self.get("/studies?expand")}
        counts: Counter[str] = Counter()
        for series in self.get("/series?expand"):
            study = studies.get(series["ParentStudy"])
            if study is not None:  # else it arrived between the two requests
                uid = study["MainDicomTags"]["StudyInstanceUID"]
                counts[uid] += len(series["Instances"])
        return dict(counts)

    def _outside_folders(self) -> Iterator[Path]:
        yield REPOSITORY
        yield from self._folders
        if "PythonScript" in self.configuration:
            yield Path(self.configuration["PythonScript"]).resolve().parent
        state = self.configuration.get("OrthancConsole", {}).get("StateDirectory")
        if state is not None:
            # The plugin makes the folder itself.
            yield next(folder for folder in (Path(state), *Path(state).parents) if folder.is_dir())

    def _defaults(self) -> dict[str, Any]:
        return {
            "Name": self.aet,
            "StorageDirectory": str(self.directory / "storage"),
            "IndexDirectory": str(self.directory / "storage"),
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": self.credentials is not None,
            "RegisteredUsers": dict([self.credentials] if self.credentials else []),
            "DicomAet": self.aet,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "DicomModalities": {},
            "OrthancPeers": {},
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {}},
            "StableAge": 1,
        }
