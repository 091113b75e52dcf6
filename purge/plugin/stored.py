"""A study of this Orthanc as the judge asks about it: each answer is looked up when it is first asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import (
    NotFound,
    OrthancClient,
    OrthancDown,
    OrthancError,
)
from purge.plugin.judge import Proof
from routing.conditions import UNDECIDED, Condition, StudyFacts, decide
from routing.plugin import claims
from routing.plugin.deliveries import Delivery, unpack
from routing.plugin.holdings import CannotTell, Holdings, Sample
from routing.plugin.matcher import Destination
from routing.plugin.store import DeliveryStore
from routing.plugin.studies import read_study

# What a listing of studies has when the study has it at all, on every version (Orthanc's default main DICOM tags).
LISTED = frozenset(
    {
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "OtherPatientIDs"),
        *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
        *("AccessionNumber", "ReferringPhysicianName", "Labels", "Node"),
    }
)

# Added to what is asked for with a listing; Orthanc 1.12.4 renamed the argument.
MODALITIES = "requestedTags=ModalitiesInStudy&requested-tags=ModalitiesInStudy"


@dataclass
class Surroundings:
    """What studies are looked up in.

    Attributes:
        claims_as: what the node is called in claims on studies; empty when it does not share its index with other Orthancs.
        awaits_rules: whether the node forwards, so that a new study has to wait for its rules.
        destinations: by identifier, those that the configuration knows.
    """

    orthanc: OrthancClient
    store: DeliveryStore
    holdings: Holdings
    stable_age: float
    claims_as: str = ""
    node: str = ""
    awaits_rules: bool = False
    destinations: Mapping[int, Destination] = field(default_factory=dict)


class StoredStudy:
    """See `purge.plugin.judge.Study`.

    Args:
        listed: the study as `/studies?expand` or `/studies/{id}` tells it.
    """

    def __init__(self, around: Surroundings, listed: dict[str, Any]) -> None:
        self._around = around
        self._listed = listed
        self.ident = str(listed["ID"])
        self.study_date = str(listed["MainDicomTags"].get("StudyDate", ""))
        self.last_update = str(listed.get("LastUpdate", ""))
        self.series_count = len(listed["Series"])
        self.updated_at = clock.from_orthanc(self.last_update)
        self.stable = listed.get("IsStable") is True and not self._just_updated()
        labels = listed.get("Labels")
        self.labels = frozenset(map(str, labels)) if isinstance(labels, list) else None
        self._proofs: dict[int, Proof] = {}

    def _just_updated(self) -> bool:
        """Orthanc calls every study stable after a restart, and one that another Orthanc receives on the same index."""
        updated = self.updated_at
        return updated is not None and clock.now() - updated < self._around.stable_age

    @cached_property
    def received_at(self) -> float | None:
        """Of the first image, among the first of each series."""
        found = []
        for series in self.series:
            for instance in series["Instances"][:1]:
                metadata = self._get(f"/instances/{instance}/metadata?expand")
                found.append(clock.from_orthanc(str(metadata.get("ReceptionDate", ""))))
        known = [at for at in found if at is not None]
        return min(known) if known and len(known) == len(found) else None

    @cached_property
    def protected(self) -> bool:
        # Only patients have this flag, and DELETE does not look at it.
        patient = self._listed["ParentPatient"]
        flag = self._get(f"/patients/{patient}/protected")
        if flag not in (0, 1, "0", "1"):
            raise ValueError("Orthanc does not tell whether the patient is protected")
        return flag in (1, "1")

    @cached_property
    def awaits_rules(self) -> bool:
        around = self._around
        if not around.awaits_rules:
            return False
        if not self.stable or self.updated_at is None:
            return True
        return around.store.awaits_decision(self.ident, self.updated_at, around.stable_age)

    @cached_property
    def deliveries(self) -> Sequence[Delivery]:
        return self._around.store.of_study(self.ident)

    @cached_property
    def elsewhere(self) -> str:
        if not self._around.claims_as:
            return ""
        claim, _tag = claims.read(self._around.orthanc, self.ident) or (None, "")
        if claim is None or (not claim.open and claim.owner == self._around.claims_as):
            return ""
        return "live" if claim.open else "failed" if claim.failed else ""

    @cached_property
    def series(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(f"/studies/{self.ident}/series?expand")
        return found

    @property
    def modalities(self) -> list[str]:
        listed = self.listed_modalities
        if listed is None:
            listed = [str(s["MainDicomTags"].get("Modality", "")) for s in self.series]
        return sorted({*listed} - {""})

    @property
    def listed_modalities(self) -> list[str] | None:
        """What the listing told when it was asked for `MODALITIES`; None where it cannot (before Orthanc 1.11.0)."""
        told = self._listed.get("RequestedTags")
        text = told.get("ModalitiesInStudy") if isinstance(told, dict) else None
        return text.split("\\") if isinstance(text, str) else None

    @cached_property
    def statistics(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/studies/{self.ident}/statistics")
        return found

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return int(self.statistics["DiskSize"])

    def decide(self, condition: Condition) -> str:
        if not condition.reads_series and condition.fields <= LISTED:
            result = decide(condition, StudyFacts(self._tags(), []), now=datetime.now()).result
            if result != UNDECIDED:
                return result
        content = read_study(
            self._around.orthanc, self.ident, condition.tags, self._around.node
        ).facts
        facts = StudyFacts(content["study"], content["series"])
        return decide(condition, facts, now=datetime.now()).result

    def _tags(self) -> dict[str, Any]:
        tags = {**self._listed["PatientMainDicomTags"], **self._listed["MainDicomTags"]}
        if self.labels is not None:
            tags["Labels"] = sorted(self.labels)
        return {**tags, "Node": self._around.node}

    def proof(self, destination: int) -> Proof:
        """From what was verified here before; what that does not cover, the destination itself is asked.

        So it holds also for studies whose deliveries were forgotten, or that went there by another way.
        """
        if destination not in self._proofs:
            self._proofs[destination] = self._prove(destination)
        return self._proofs[destination]

    def _prove(self, destination: int) -> Proof:
        known = self._around.destinations.get(destination)
        if known is None:
            return Proof(None, "A destination that must have it is not configured on this node.")
        # A count may be that of images which others sent there, or which were made there.
        counted = known.kind == "modality" and known.verify == "count"
        if not counted and (remembered := self._remembered(destination)):
            return Proof(remembered)
        return self._ask(known)

    def _remembered(self, destination: int) -> float | None:
        verified = [
            d for d in self.deliveries if d.destination == destination and d.state == "verified"
        ]
        there = {instance for delivery in verified for instance in unpack(delivery.instances)}
        if not verified or not self._instances <= there:
            return None
        return max(delivery.verified_at or 0.0 for delivery in verified) or None

    @cached_property
    def _instances(self) -> set[str]:
        return {instance for series in self.series for instance in series["Instances"]}

    def _ask(self, destination: Destination) -> Proof:
        # The list that is compared is the one that is asked about, so an image that comes meanwhile is not taken for verified.
        instances = self._get(f"/studies/{self.ident}/instances?expand")
        uids = {i["ID"]: str(i["MainDicomTags"].get("SOPInstanceUID", "")) for i in instances}
        uid = str(self._listed["MainDicomTags"].get("StudyInstanceUID", ""))
        if not uids or not uid or not all(uids.values()):
            return Proof(None, "Its images have no identifiers to ask for.")
        try:
            if destination.kind == "peer":
                there = self._around.holdings.of_peer(destination, self.ident)
            else:
                there = self._around.holdings.of(destination, Sample(uid, uids))
        except CannotTell as error:
            return Proof(None, f"{destination.name} cannot tell what it has: {error}")
        missing = len(uids.keys() - there)
        if missing:
            return Proof(None, f"{destination.name} has not {missing} of its {len(uids)} images.")
        return Proof(clock.now())

    def _get(self, path: str) -> Any:
        return self._around.orthanc.get(path)

    def line(self) -> dict[str, Any]:
        """Identifiers and counts as they are now: LINE of docs/protocol.md."""
        tags = {**self._listed["PatientMainDicomTags"], **self._listed["MainDicomTags"]}
        return {
            "study": self.ident,
            "study_instance_uid": str(tags.get("StudyInstanceUID", "")),
            "patient_id": str(tags.get("PatientID", "")),
            "patient_name": str(tags.get("PatientName", "")),
            "accession_number": str(tags.get("AccessionNumber", "")),
            "study_date": self.study_date,
            "study_description": str(tags.get("StudyDescription", "")),
        }

    def full_line(self, destinations: Sequence[int]) -> dict[str, Any]:
        """`line` with what it takes further questions to know.

        Args:
            destinations: those that were proved to have it.
        """
        return {
            **self.line(),
            "modalities": self.modalities,
            "instance_count": int(self.statistics["CountInstances"]),
            "series_count": int(self.statistics["CountSeries"]),
            "size_bytes": self.size,
            "updated": self.last_update,
            "verified": self.proved(destinations),
        }

    def proved(self, destinations: Sequence[int]) -> list[dict[str, Any]]:
        """Which destinations were proved to have it, and when."""
        return [self._proved(destination) for destination in destinations]

    def _proved(self, destination: int) -> dict[str, Any]:
        known = self._around.destinations.get(destination)
        return {
            "destination": destination,
            "name": known.name if known else "",
            "at": clock.iso(self.proof(destination).at),
        }


# One study that Orthanc answers oddly about must not stop the others.
UNREADABLE = (OrthancError, KeyError, TypeError, ValueError)


def look_up(around: Surroundings, study: str, query: str = "") -> StoredStudy | None:
    """The study as it is stored now; None when it is not there any more."""
    try:
        return StoredStudy(around, around.orthanc.get(f"/studies/{study}{query}"))
    except NotFound:
        return None


def ask_together(around: Surroundings, studies: Sequence[StoredStudy]) -> None:
    """Ask with one call for the series of all whose listing told no modalities: a twentieth of the time of a call for each.

    Where listings do tell them this is not only needless. Since Orthanc 1.12.5 with SQLite each question about the series of
    one study reads those of all. What was not answered, or not wholly, is asked for each alone, and fails for it alone.
    """
    asked = {study.ident: study for study in studies if study.listed_modalities is None}
    if not asked:
        return
    query = {"Resources": [*asked], "Level": "Series", "Metadata": False}
    found = defaultdict(list)
    try:
        for series in around.orthanc.post("/tools/bulk-content", query):
            found[series["ParentStudy"]].append(series)
    except (OrthancDown, *UNREADABLE) as error:
        logger.info("the series of %d studies are asked for one by one: %s", len(asked), error)
        return
    for ident, study in asked.items():
        if len(found[ident]) == study.series_count:
            study.series = found[ident]
