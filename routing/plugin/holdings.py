"""Asks a destination which instances of a study it has."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orthanc_console.plugin.http import HttpFailure, JsonClient
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown, OrthancError
from routing.plugin.matcher import Destination

TIMEOUT = 70
# Seconds for a storage commitment report to come back (DICOM PS3.4, annex J).
COMMITMENT_PATIENCE = 60.0
COMMITMENT_LOOK = 0.5


class CannotTell(Exception):
    """The destination could not be asked, or its answer says nothing. The message is for people."""


@dataclass(frozen=True)
class Sample:
    """What is asked about: instances of one study, by Orthanc's identifier and by SOPInstanceUID."""

    study_instance_uid: str
    uids: Mapping[str, str]


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (OrthancError, OrthancDown, HttpFailure, OSError) as error:
        raise CannotTell(str(error)) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotTell("Its answer to the question what it has is not understood.") from error


class Holdings:
    """What destinations have.

    Args:
        configuration: Orthanc's, for what its REST API does not tell of peers: passwords and the check of certificates.
    """

    def __init__(self, orthanc: OrthancClient, configuration: Mapping[str, Any]) -> None:
        self._orthanc = orthanc
        self._peers = configuration.get("OrthancPeers", {})
        self._verify_tls = configuration.get("HttpsVerifyPeers", True) is not False
        self._ca_file = str(configuration.get("HttpsCACertificates", "")) or None
        self._clients: dict[Destination, JsonClient] = {}

    def of_peer(self, destination: Destination, study: str) -> set[str]:
        """The instances of a study that a peer has, by its own REST API. Orthanc derives its identifiers from those of DICOM, so
        they are the same there.

        Raises:
            CannotTell: see `of`.
        """
        with _understood():
            return self._peer(destination, study)

    def of(self, destination: Destination, sample: Sample) -> set[str]:
        """Those of the sample's instances that the destination says it has.

        Raises:
            CannotTell: it did not answer, or not so that one can tell.
        """
        with _understood():
            if destination.verify == "commitment":
                uids = self._committed(destination.name, sample)
            elif destination.kind == "dicomweb":
                uids = self._dicomweb(destination.name, sample)
            else:
                uids = self._modality(destination.name, sample)
        return {ident for ident, uid in sample.uids.items() if uid in uids}

    def count(self, destination: Destination, study_instance_uid: str) -> int | None:
        """How many instances of the study a modality has; None if it does not say (the count is optional, DICOM PS3.4 C.3.4).

        Raises:
            CannotTell: it did not answer.
        """
        wanted = {"SeriesInstanceUID": "", "NumberOfSeriesRelatedInstances": ""}
        try:
            series = self._find(destination.name, "Series", study_instance_uid, wanted)
            return sum(int(one["NumberOfSeriesRelatedInstances"]) for one in series)
        except (KeyError, ValueError):
            return None
        except (OrthancError, OrthancDown) as error:
            raise CannotTell(str(error)) from error

    def _modality(self, name: str, sample: Sample) -> set[str]:
        """By C-FIND, from the series down, as DICOM wants it (PS3.4, C.4.1.3.1)."""
        uids: set[str] = set()
        wanted = {"SeriesInstanceUID": ""}
        for series in self._find(name, "Series", sample.study_instance_uid, wanted):
            keys = {"SeriesInstanceUID": series["SeriesInstanceUID"], "SOPInstanceUID": ""}
            found = self._find(name, "Instance", sample.study_instance_uid, keys)
            uids.update(one.get("SOPInstanceUID", "") for one in found)
        return uids

    def _find(
        self, name: str, level: str, study: str, keys: dict[str, str]
    ) -> list[dict[str, str]]:
        body = {"Level": level, "Query": {"StudyInstanceUID": study, **keys}}
        query = self._orthanc.post(f"/modalities/{name}/query", body, timeout=TIMEOUT)["ID"]
        try:
            answers: list[dict[str, str]] = self._orthanc.get(
                f"/queries/{query}/answers?expand&simplify"
            )
        finally:
            self._orthanc.delete(f"/queries/{query}")
        return answers

    def _committed(self, name: str, sample: Sample) -> set[str]:
        """By storage commitment: the destination takes responsibility for what it names (DICOM PS3.4, annex J)."""
        resources = sorted(sample.uids)
        path = f"/modalities/{name}/storage-commitment"
        asked = self._orthanc.post(path, {"Resources": resources}, timeout=TIMEOUT)["ID"]
        deadline = time.monotonic() + COMMITMENT_PATIENCE
        while time.monotonic() < deadline:
            report = self._orthanc.get(f"/storage-commitment/{asked}")
            if report["Status"] != "Pending":
                return {one["SOPInstanceUID"] for one in report["Success"]}
            time.sleep(COMMITMENT_LOOK)
        raise CannotTell(
            "The destination accepted the request for storage commitment but sent no report within a minute. It has to know this "
            "Orthanc's AE title, address and DICOM port."
        )

    def _dicomweb(self, name: str, sample: Sample) -> set[str]:
        """By QIDO-RS (DICOM PS3.18, 10.6)."""
        query = {"Uri": f"/studies/{sample.study_instance_uid}/instances", "Arguments": {}}
        found = self._orthanc.post(f"/dicom-web/servers/{name}/qido", query, timeout=TIMEOUT)
        return {str(one.get("00080018", {}).get("Value", "")) for one in found}

    def _peer(self, destination: Destination, study: str) -> set[str]:
        answer = self._client(destination).call(
            "GET", f"/studies/{study}/series?expand", timeout=TIMEOUT
        )
        if answer.status == 404:
            return set()
        if answer.status != 200:
            raise CannotTell(f"The peer answers HTTP {answer.status} to the question what it has.")
        return {instance for series in answer.json() for instance in series["Instances"]}

    def _client(self, destination: Destination) -> JsonClient:
        """One for each destination, whose connections are kept; one that was changed is another."""
        if destination not in self._clients:
            self._clients[destination] = self._new_client(destination)
        return self._clients[destination]

    def _new_client(self, destination: Destination) -> JsonClient:
        url, username, password = destination.url, destination.username, destination.password
        if destination.source == "orthanc":
            username, password = self._credentials(destination)
        headers = {}
        if username:
            pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {pair}"
        context = None
        if url.startswith("https"):
            context = ssl.create_default_context(cafile=self._ca_file)
            if not self._verify_tls:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        return JsonClient(url, headers, context)

    def _credentials(self, destination: Destination) -> tuple[str, str]:
        """Orthanc never shows the password of a peer; it is only in the configuration file."""
        entry = self._peers.get(destination.name)
        if isinstance(entry, dict):
            return str(entry.get("Username", "")), str(entry.get("Password", ""))
        if isinstance(entry, list):
            return (str(entry[1]), str(entry[2])) if len(entry) >= 3 else ("", "")
        if destination.username:
            raise CannotTell(
                "The password of this peer is only in Orthanc's database, where the plugin cannot read it. Make the destination "
                "in the console instead."
            )
        return "", ""
