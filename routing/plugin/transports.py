"""How each kind of destination is written into Orthanc, probed, and sent to. To add a kind, add an entry to TRANSPORTS.

Jobs are always asynchronous, never permissive (Orthanc would call a job that sent nothing a success) and never resubmitted
(broken in Orthanc 1.12.10 and 1.12.11): another attempt is another job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient, OrthancError
from routing.plugin.matcher import Destination
from routing.plugin.retry import NETWORK

# Longer than Orthanc's own default of 10 seconds for DICOM, so that the answer is the destination's and not ours.
PROBE_TIMEOUT = 70


class Transport(Protocol):
    """One kind of destination."""

    listing: str
    # The most instances that one job sends; a larger study goes in several, between which others have their turn. Orthanc writes
    # the whole list of a job down after each instance, so a job of 500 costs its processor twice as much as five of 100.
    part: int
    # Whether several small studies may go in one job.
    together: bool

    def definition(self, destination: Destination) -> dict[str, Any]:
        """What Orthanc is told of a destination that was made in the console."""

    def found(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        """An entry of Orthanc as the console is told of it."""

    def probe(self, orthanc: OrthancClient, name: str) -> None:
        """Ask the destination something cheap. Raises OrthancError when it does not answer well."""

    def submit(self, orthanc: OrthancClient, name: str, resources: list[str]) -> str:
        """Start a job that sends these studies, series or instances; returns its identifier."""


def _job(answer: dict[str, Any]) -> str:
    return str(answer["ID"])


class Modality:
    """A DICOM node, by C-STORE (Orthanc Book, "Configuring DICOM networking")."""

    listing = "/modalities"
    part = 200
    together = True

    def definition(self, destination: Destination) -> dict[str, Any]:
        return {"AET": destination.aet, "Host": destination.host, "Port": destination.port}

    def found(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"aet": entry["AET"], "host": entry["Host"], "port": entry["Port"]}

    def probe(self, orthanc: OrthancClient, name: str) -> None:
        orthanc.post(f"/modalities/{name}/echo", {}, timeout=PROBE_TIMEOUT)

    def submit(self, orthanc: OrthancClient, name: str, resources: list[str]) -> str:
        body = {"Resources": resources, "Synchronous": False}
        return _job(orthanc.post(f"/modalities/{name}/store", body))


class Peer:
    """Another Orthanc, over HTTP (Orthanc Book, "Orthanc peers")."""

    listing = "/peers"
    part = 200
    together = True

    def definition(self, destination: Destination) -> dict[str, Any]:
        return _http_definition(destination)

    def found(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"url": entry["Url"], "username": entry.get("Username", "")}

    def probe(self, orthanc: OrthancClient, name: str) -> None:
        orthanc.get(f"/peers/{name}/system", timeout=PROBE_TIMEOUT)

    def submit(self, orthanc: OrthancClient, name: str, resources: list[str]) -> str:
        body = {"Resources": resources, "Synchronous": False}
        return _job(orthanc.post(f"/peers/{name}/store", body))


class DicomWeb:
    """A DICOMweb server, by STOW-RS (DICOM PS3.18, 10.5; Orthanc Book, "DICOMweb plugin")."""

    listing = "/dicom-web/servers"
    part = 100
    # A request is all that a job is, so the server would keep nothing of the others if it refused one.
    together = False

    def definition(self, destination: Destination) -> dict[str, Any]:
        return _http_definition(destination)

    def found(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"url": entry["Url"], "username": entry.get("Username", "")}

    def probe(self, orthanc: OrthancClient, name: str) -> None:
        query = {"Uri": "/studies", "Arguments": {"limit": "1"}}
        orthanc.post(f"/dicom-web/servers/{name}/qido", query, timeout=PROBE_TIMEOUT)

    def submit(self, orthanc: OrthancClient, name: str, resources: list[str]) -> str:
        body = {"Resources": resources, "Synchronous": False}
        return _job(orthanc.post(f"/dicom-web/servers/{name}/stow", body))


def _http_definition(destination: Destination) -> dict[str, Any]:
    definition = {"Url": destination.url}
    if destination.username:
        definition |= {"Username": destination.username, "Password": destination.password}
    return definition


TRANSPORTS: dict[str, Transport] = {
    "modality": Modality(),
    "peer": Peer(),
    "dicomweb": DicomWeb(),
}


@dataclass(frozen=True)
class Outcome:
    """What a job says of itself.

    Attributes:
        state: `running`, `succeeded`, `failed` or `lost`.
        count: how many instances the job had.
        progress: percent.
    """

    state: str
    count: int = 0
    failed: int = 0
    code: int = 0
    error: str = ""
    progress: int = 0


def job_outcome(orthanc: OrthancClient, job_id: str) -> Outcome:
    """Ask Orthanc for a job. One that it no longer knows is lost: nobody can tell what it sent.

    Raises:
        OrthancDown: Orthanc does not answer; the job may well go on.
    """
    try:
        job = orthanc.get(f"/jobs/{job_id}")
    except NotFound:
        return Outcome("lost", error="Orthanc no longer knows the job.")
    content = job.get("Content") or {}
    progress = int(job.get("Progress", 0))
    if job["State"] == "Success":
        # The DICOMweb plugin gives its counts as text.
        return Outcome(
            "succeeded",
            int(content.get("InstancesCount", 0)),
            int(content.get("FailedInstancesCount", 0)),
            progress=100,
        )
    if job["State"] == "Failure":
        words = [job.get("ErrorDescription", ""), job.get("ErrorDetails", "")]
        return Outcome(
            "failed",
            code=int(job.get("ErrorCode", 0)),
            error=": ".join(filter(None, words)),
            progress=progress,
        )
    return Outcome("running", progress=progress)


def reachable(orthanc: OrthancClient, kind: str, name: str) -> str:
    """Probe a destination; returns an empty text, or why it cannot be used in its own words.

    An HTTP error that came from the destination shows that it is up; whether it takes images, a job will tell.
    """
    try:
        TRANSPORTS[kind].probe(orthanc, name)
    except OrthancError as error:
        if kind == "dicomweb" and error.code not in (NETWORK, 0):
            return ""
        return str(error)
    return ""
