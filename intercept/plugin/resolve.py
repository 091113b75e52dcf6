"""What a C-MOVE asks for, found as Orthanc's own handler finds it (its OrthancMoveRequestHandler)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from intercept.plugin.request import IMAGE, MoveRequest, split
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient

# By level of the request: the type of Orthanc's resource, and the keyword that identifies it.
LEVELS = {
    "PATIENT": ("Patient", "PatientID"),
    "STUDY": ("Study", "StudyInstanceUID"),
    "SERIES": ("Series", "SeriesInstanceUID"),
    IMAGE: ("Instance", "SOPInstanceUID"),
}

# So many images of a list are looked at for their studies.
STUDIES_OF_IMAGES = 20


@dataclass
class Found:
    """What of a request is stored here.

    Attributes:
        instances: Orthanc's identifiers of all images to send, in order.
        studies: by Orthanc's identifier, `{keyword: value}` of patient and study.
    """

    instances: list[str] = field(default_factory=list)
    studies: dict[str, dict[str, str]] = field(default_factory=dict)

    def values(self, keyword: str) -> str:
        """The values that the studies have, joined by backslashes."""
        return "\\".join(
            dict.fromkeys(v for tags in self.studies.values() if (v := tags.get(keyword)))
        )


class Resolver:
    """Looks requests up in Orthanc, over its REST API.

    Args:
        strict: Orthanc's setting `StrictAetComparison`: whether AE titles differ by letter case.
    """

    def __init__(self, orthanc: OrthancClient, strict: bool) -> None:
        self._orthanc = orthanc
        self._strict = strict

    def find(self, request: MoveRequest) -> Found:
        """What is stored of the request; nothing when its identifier is missing or unknown.

        At level STUDY the accession number wins over the Study Instance UID, as in Orthanc.

        Raises:
            OrthancDown: Orthanc's HTTP server does not answer.
        """
        found = Found()
        if request.level not in LEVELS:
            return found
        kind, keyword = LEVELS[request.level]
        if kind == "Study" and request.accession_number:
            for value in split(request.accession_number):
                for ident in self._with_accession(value):
                    self._add(found, kind, ident)
            return found
        for value in split(request.identifiers.get(keyword, "")):
            for hit in self._orthanc.post("/tools/lookup", value.encode()):
                if hit["Type"] == kind:
                    self._add(found, kind, hit["ID"])
        return found

    def modality(self, aet: str) -> str | None:
        """Orthanc's name of the modality with an AE title; the first by name if several have it."""
        modalities: dict[str, dict[str, Any]] = self._orthanc.get("/modalities?expand")
        wanted = self._comparable(aet)
        for name in sorted(modalities):
            if self._comparable(modalities[name]["AET"]) == wanted:
                return name
        return None

    def _comparable(self, aet: str) -> str:
        return aet if self._strict else aet.upper()

    def _with_accession(self, value: str) -> list[str]:
        """The studies with an accession number, which Orthanc's own look-up of identifiers leaves out."""
        query = {"Level": "Study", "Query": {"AccessionNumber": value}, "Expand": True}
        hits = self._orthanc.post("/tools/find", {**query, "CaseSensitive": False})
        # A query takes * and ? for wildcards; Orthanc's handler takes them for what they are, and ignores letter case.
        return [
            hit["ID"]
            for hit in hits
            if hit["MainDicomTags"].get("AccessionNumber", "").strip().upper() == value.upper()
        ]

    def _add(self, found: Found, kind: str, ident: str) -> None:
        try:
            if kind == "Patient":
                for study in self._orthanc.get(f"/patients/{ident}")["Studies"]:
                    self._add_study(found, study)
            elif kind == "Study":
                self._add_study(found, ident)
            elif kind == "Series":
                series = self._orthanc.get(f"/series/{ident}")
                self._note(found, self._orthanc.get(f"/studies/{series['ParentStudy']}"))
                found.instances += series["Instances"]
            else:
                found.instances.append(ident)
                # A list can have thousands of images, mostly of one study, while somebody waits.
                if len(found.instances) <= STUDIES_OF_IMAGES:
                    self._note(found, self._orthanc.get(f"/instances/{ident}/study"))
        except NotFound:
            # It was deleted this moment.
            return

    def _add_study(self, found: Found, ident: str) -> None:
        study = self._orthanc.get(f"/studies/{ident}")
        for series in self._orthanc.get(f"/studies/{ident}/series?expand"):
            found.instances += series["Instances"]
        self._note(found, study)

    @staticmethod
    def _note(found: Found, study: dict[str, Any]) -> None:
        found.studies[study["ID"]] = {**study["PatientMainDicomTags"], **study["MainDicomTags"]}
