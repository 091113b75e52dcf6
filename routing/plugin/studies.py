"""Reads of a study what rules, the loop guard and the console need, over Orthanc's REST API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import OrthancClient
from routing.plugin import private_tags

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Series:
    """One series: its identifiers and instances as Orthanc knows them."""

    orthanc_id: str
    instances: tuple[str, ...]
    source_aets: frozenset[str]
    by_http: bool = False


@dataclass(frozen=True)
class StudyContent:
    """A study as it is stored now.

    Attributes:
        facts: `{"study": {keyword: value}, "series": [{keyword: value}]}`, series in the order of `series`.
        received_at: seconds since the epoch, of the first instance that was looked at.
    """

    orthanc_id: str
    facts: dict[str, Any]
    series: tuple[Series, ...]
    size_bytes: int | None
    source_aet: str
    received_at: float | None
    last_update: float | None
    stable_at: float = field(default_factory=clock.now)

    @property
    def instances(self) -> frozenset[str]:
        return frozenset(i for series in self.series for i in series.instances)

    def as_report(self) -> dict[str, Any]:
        """STUDY of docs/protocol.md."""
        tags = self.facts["study"]
        return {
            "orthanc_id": self.orthanc_id,
            "study_instance_uid": tags.get("StudyInstanceUID", ""),
            "patient_id": tags.get("PatientID", ""),
            "patient_name": tags.get("PatientName", ""),
            "accession_number": tags.get("AccessionNumber", ""),
            "study_date": tags.get("StudyDate", ""),
            "study_description": tags.get("StudyDescription", ""),
            "modalities": tags["ModalitiesInStudy"].split("\\")
            if tags["ModalitiesInStudy"]
            else [],
            "instance_count": tags["InstanceCount"],
            "series_count": tags["SeriesCount"],
            "size_bytes": self.size_bytes,
            "source_aet": self.source_aet,
            "received_at": clock.iso(self.received_at),
            "stable_at": clock.iso(self.stable_at),
            "facts": self.facts,
        }


def read_study(
    orthanc: OrthancClient, study_id: str, tags: Iterable[str], node: str
) -> StudyContent:
    """Read a study.

    Args:
        tags: DICOM keywords that active rules read; those that Orthanc does not index are read from one instance of each series.
        node: name of this node, for rules that ask for it.

    Raises:
        NotFound: the study was deleted.
        OrthancDown: Orthanc does not answer.
    """
    study = orthanc.get(f"/studies/{study_id}")
    children = [s for s in orthanc.get(f"/studies/{study_id}/series?expand") if s["Instances"]]
    metadata = [orthanc.get(f"/instances/{s['Instances'][0]}/metadata?expand") for s in children]
    size = int(orthanc.get(f"/studies/{study_id}/statistics")["DiskSize"])
    facts: dict[str, Any] = {
        "study": _study_facts(study, children, metadata, size, node),
        "series": [dict(s["MainDicomTags"]) for s in children],
    }
    _add_rare_tags(orthanc, facts, children, set(tags))
    received = [t for m in metadata if (t := clock.from_orthanc(m.get("ReceptionDate", "")))]
    return StudyContent(
        orthanc_id=study_id,
        facts=facts,
        series=tuple(
            Series(
                s["ID"],
                tuple(s["Instances"]),
                frozenset(_aets(m)),
                by_http=m.get("Origin") == "RestApi",
            )
            for s, m in zip(children, metadata, strict=True)
        ),
        size_bytes=size,
        source_aet=facts["study"]["RemoteAET"],
        received_at=min(received, default=None),
        last_update=clock.from_orthanc(study.get("LastUpdate", "")),
    )


def _aets(metadata: dict[str, str]) -> Iterator[str]:
    if aet := metadata.get("RemoteAET"):
        yield aet


def _study_facts(
    study: dict[str, Any],
    children: list[dict[str, Any]],
    metadata: list[dict[str, str]],
    size: int,
    node: str,
) -> dict[str, Any]:
    first = metadata[0] if metadata else {}
    modalities = sorted({m for s in children if (m := s["MainDicomTags"].get("Modality", ""))})
    facts: dict[str, Any] = {
        **study["PatientMainDicomTags"],
        **study["MainDicomTags"],
        "ModalitiesInStudy": "\\".join(modalities),
        "SeriesCount": len(children),
        "InstanceCount": sum(len(s["Instances"]) for s in children),
        "StudySizeMB": round(size / MEGABYTE, 3),
        "RemoteAET": first.get("RemoteAET", ""),
        "CalledAET": first.get("CalledAET", ""),
        "RemoteIP": first.get("RemoteIP", ""),
        "ReceivedAt": _local_time(first.get("ReceptionDate", "")),
        "Node": node,
    }
    # Absent where the server has no labels: a rule that reads them is undecided there, not false.
    if "Labels" in study:
        facts["Labels"] = study["Labels"]
    return facts


def _local_time(orthanc_time: str) -> str:
    """As rules compare it: local time of the node, like the times in DICOM tags. Empty if there is none."""
    seconds = clock.from_orthanc(orthanc_time)
    return "" if seconds is None else datetime.fromtimestamp(seconds).isoformat()


def _add_rare_tags(
    orthanc: OrthancClient, facts: dict[str, Any], children: list[dict[str, Any]], tags: set[str]
) -> None:
    """Tags that Orthanc does not index, from the first instance of each series; sequences and binary values are left out."""
    for series, found in zip(children, facts["series"], strict=True):
        missing = tags - facts["study"].keys() - found.keys()
        private = private_tags.named(missing)
        instance = f"/instances/{series['Instances'][0]}"
        if private:
            found.update(private_tags.values(orthanc.get(f"{instance}/tags"), private))
        missing -= private.keys()
        if missing:
            everything = orthanc.get(f"{instance}/simplified-tags")
            found.update(
                {tag: everything[tag] for tag in missing if isinstance(everything.get(tag), str)}
            )
