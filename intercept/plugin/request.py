"""A C-MOVE request as Orthanc hands it to a plugin (PS3.4 section C.4.2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orthanc_console.plugin import clock

# Orthanc calls the level of single images INSTANCE, DICOM calls it IMAGE (PS3.4 section C.6.1.1).
IMAGE = "IMAGE"


@dataclass(frozen=True)
class MoveRequest:
    """One C-MOVE. Identifiers are as they were sent: several are joined by backslashes, and a missing one is empty.

    Attributes:
        level: PATIENT, STUDY, SERIES or IMAGE.
        originator_aet: who asks; `source_aet` is the AE title of this Orthanc that was called.
        target_aet: where the images are to go.
        originator_id: the Message ID of the request (PS3.7 section 9.3.4.1).
        remote_ip: of who asks; empty where Orthanc does not say it.
        received_at: seconds since the epoch.
    """

    level: str
    patient_id: str
    accession_number: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    source_aet: str
    target_aet: str
    originator_aet: str
    originator_id: int
    remote_ip: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received_at: float = field(default_factory=clock.now)

    @classmethod
    def from_orthanc(cls, given: Mapping[str, Any], connection: Any = None) -> MoveRequest:
        """Read what Orthanc passes to a C-MOVE callback.

        Args:
            connection: `orthanc.DicomConnection`, which the newest variant of the callback gets instead of the AE titles.
        """

        def text(name: str) -> str:
            return str(given.get(name) or "").strip(" \0")

        if connection is None:
            source, originator, remote = text("SourceAET"), text("OriginatorAET"), ""
        else:
            source = str(connection.GetConnectionCalledAet())
            originator = str(connection.GetConnectionRemoteAet())
            remote = str(connection.GetConnectionRemoteIp())
        level = text("Level").upper()
        return cls(
            level=IMAGE if level == "INSTANCE" else level,
            patient_id=text("PatientID"),
            accession_number=text("AccessionNumber"),
            study_instance_uid=text("StudyInstanceUID"),
            series_instance_uid=text("SeriesInstanceUID"),
            sop_instance_uid=text("SOPInstanceUID"),
            source_aet=source.strip(),
            target_aet=text("TargetAET"),
            originator_aet=originator.strip(),
            originator_id=int(given.get("OriginatorID") or 0),
            remote_ip=remote,
        )

    @property
    def identifiers(self) -> dict[str, str]:
        """The identifiers that were sent, by DICOM keyword."""
        named = {
            "PatientID": self.patient_id,
            "AccessionNumber": self.accession_number,
            "StudyInstanceUID": self.study_instance_uid,
            "SeriesInstanceUID": self.series_instance_uid,
            "SOPInstanceUID": self.sop_instance_uid,
        }
        return {keyword: value for keyword, value in named.items() if value}

    @property
    def uids(self) -> list[str]:
        """Every UID of the request, single."""
        joined = (self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)
        return [uid for each in joined for uid in split(each)]

    def symbols(self) -> dict[str, object]:
        """What conditions read of the request itself; see docs/intercept.md."""
        return {
            "Level": self.level,
            "SourceAET": self.source_aet,
            "TargetAET": self.target_aet,
            "OriginatorAET": self.originator_aet,
            "OriginatorID": self.originator_id,
            "OriginatorIP": self.remote_ip,
            "UIDs": self.uids,
        }


def split(value: str) -> list[str]:
    """The single values of a list that is joined by backslashes (PS3.5 section 6.4)."""
    return [part for each in value.split("\\") if (part := each.strip(" \0"))]
