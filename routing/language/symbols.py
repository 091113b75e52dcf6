"""The names that rules can use, and their types: the DICOM dictionary (PS3.6) and some more."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from routing.conditions import SYMBOLS
from routing.conditions.kinds import DATE, DATETIME, NUMBER, TEXT, TIME, Kind

# By value representation, PS3.5 section 6.2. What is not here is binary or a sequence.
_TYPES = {
    **dict.fromkeys(("DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"), NUMBER),
    **dict.fromkeys(("AE", "AS", "AT", "CS", "LO", "LT", "PN", "SH", "ST", "UC"), TEXT),
    **dict.fromkeys(("UI", "UR", "UT"), TEXT),
    "DA": DATE,
    "DT": DATETIME,
    "TM": TIME,
}
# Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), what a query
# at study level answers beside them (PS3.4 C.6.2.1.2), and what Orthanc keeps with the study.
_OF_STUDY = frozenset(
    (
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "TypeOfPatientID",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientSex",
        "OtherPatientIDs",
        "OtherPatientNames",
        "PatientBirthName",
        "PatientMotherBirthName",
        "EthnicGroup",
        "PatientComments",
        "PatientSpeciesDescription",
        "PatientBreedDescription",
        "ResponsiblePerson",
        "ResponsibleOrganization",
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "PatientAddress",
        "QualityControlSubject",
        "MilitaryRank",
        "BranchOfService",
        "PatientReligiousPreference",
        "PatientTelephoneNumbers",
        "CountryOfResidence",
        "RegionOfResidence",
        "MedicalRecordLocator",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "ReferringPhysicianName",
        "PhysiciansOfRecord",
        "NameOfPhysiciansReadingStudy",
        "ConsultingPhysicianName",
        "RequestingPhysician",
        "RequestingService",
        "RequestedProcedureDescription",
        "AdmissionID",
        "AdmittingDate",
        "AdmittingTime",
        "AdmittingDiagnosesDescription",
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "PatientBodyMassIndex",
        "MedicalAlerts",
        "Allergies",
        "Occupation",
        "SmokingStatus",
        "AdditionalPatientHistory",
        "PregnancyStatus",
        "LastMenstrualDate",
        "PatientSexNeutered",
        "ReasonForVisit",
        "ServiceEpisodeID",
        "ServiceEpisodeDescription",
        "PatientState",
        "CurrentPatientLocation",
        "ModalitiesInStudy",
        "SOPClassesInStudy",
        "InstitutionName",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedSeries",
        "NumberOfPatientRelatedInstances",
        "StudyStatusID",
        "StudyPriorityID",
        "StudyComments",
    )
)
_OWN = {
    "RemoteAET": (TEXT, "AE title of the modality that sent the study"),
    "CalledAET": (TEXT, "AE title that the sender called"),
    "RemoteIP": (TEXT, "IP address of the sender"),
    "Labels": (Kind("text", True), "labels that the study has in Orthanc"),
    "InstanceCount": (NUMBER, "number of instances of the study"),
    "SeriesCount": (NUMBER, "number of series of the study"),
    "StudySizeMB": (NUMBER, "size of the study on disk, in megabytes"),
    "PatientAgeYears": (NUMBER, "age of the patient at the study, in completed years"),
    "SeriesDescriptions": (Kind("text", True), "descriptions of all series of the study"),
    "Node": (TEXT, "name of the Orthanc that received the study"),
    "ReceivedAt": (DATETIME, "when the first instance was received, local time of the node"),
}
# What is known of a C-MOVE besides the study that it asks for; intercept.plugin.request gives the values.
_OF_REQUEST = {
    "Level": (TEXT, "level of the C-MOVE: PATIENT, STUDY, SERIES or IMAGE"),
    "SourceAET": (TEXT, "AE title of this Orthanc that the C-MOVE called"),
    "TargetAET": (TEXT, "AE title that the images are to go to"),
    "OriginatorAET": (TEXT, "AE title of who asks"),
    "OriginatorID": (NUMBER, "Message ID of the C-MOVE"),
    "OriginatorIP": (
        TEXT,
        "IP address of who asks, from Orthanc 1.12.10 with its Python plugin 7.0",
    ),
    "UIDs": (Kind("text", True), "every UID that the C-MOVE names"),
}
STUDY, REQUEST = "study", "request"
CLOCKS = {
    "$now": "the time of the evaluation, local time of the node",
    "$today": "the start of the day of the evaluation, local time of the node",
}


@functools.cache
def _dictionary() -> dict[int, tuple[str, str, str, str, str]]:
    # Imported late: it takes a while, which processes that parse no rule are spared.
    from pydicom._dicom_dict import DicomDictionary

    return DicomDictionary


@dataclass(frozen=True)
class Symbol:
    """A name that rules can use; only a DICOM keyword has ``tag``, ``vr`` and ``vm``."""

    name: str
    kind: Kind
    scope: str
    description: str
    tag: str = ""
    vr: str = ""
    vm: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ``kind`` becomes ``type`` and ``list``."""
        found = asdict(self)
        del found["kind"]
        return {**found, "type": self.kind.type, "list": self.kind.is_list}


_site: Callable[[], Mapping[str, Symbol]] = dict


def read_site_symbols_from(source: Callable[[], Mapping[str, Symbol]]) -> None:
    """Let rules also use the names that a site gives to private tags; `source` tells them at any time."""
    global _site
    _site = source


def site_symbols() -> Mapping[str, Symbol]:
    """The names that the site has added, as they are now."""
    return _site()


_about: ContextVar[str] = ContextVar("about", default=STUDY)


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Within it, names are those of a condition on a study, or on a C-MOVE `REQUEST` and its study."""
    token = _about.set(subject)
    try:
        yield
    finally:
        _about.reset(token)


def subject() -> str:
    """What conditions are about now: `STUDY` or `REQUEST`."""
    return _about.get()


def request_symbols() -> Mapping[str, Symbol]:
    """The names that only a condition on a C-MOVE can use."""
    return {name: Symbol(name, kind, "study", text) for name, (kind, text) in _OF_REQUEST.items()}


def find_symbol(name: str) -> Symbol | None:
    """What a name stands for: the console's own and the dictionary's first, then the site's."""
    own = request_symbols() if subject() == REQUEST and name in _OF_REQUEST else all_symbols()
    return own.get(name) or site_symbols().get(name)


@functools.cache
def all_symbols() -> dict[str, Symbol]:
    """Every name that a rule of any site can use, the console's own first, then by DICOM tag."""
    found = {name: Symbol(name, *_OWN[name][:1], "study", _OWN[name][1]) for name in SYMBOLS}
    for tag, (vr, vm, description, _retired, keyword) in _dictionary().items():
        kind = _kind_of(vr, vm)
        if keyword and kind is not None and keyword not in found:
            scope = "study" if keyword in _OF_STUDY else "series"
            written = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            found[keyword] = Symbol(keyword, kind, scope, description, written, vr, vm)
    return found


def _kind_of(vr: str, vm: str) -> Kind | None:
    """The kind of an attribute; None for what is binary or a sequence, in one of its forms."""
    kinds = {_TYPES.get(each) for each in vr.split(" or ")}
    kind = kinds.pop()
    return None if kinds or kind is None else Kind(kind.type, vm != "1")


def unusable_keyword(name: str) -> bool:
    """Whether a name is a DICOM keyword that rules cannot read: a sequence, or binary."""
    return name not in all_symbols() and any(entry[4] == name for entry in _dictionary().values())


def closest(name: str) -> str:
    """The name that was probably meant, or an empty text."""
    wanted = name.replace("_", "").lower()
    by_lower = {**_by_lower_case(), **{each.lower(): each for each in site_symbols()}}
    if subject() == REQUEST:
        by_lower |= {each.lower(): each for each in _OF_REQUEST}
    if wanted in by_lower:
        return by_lower[wanted]
    longer = [each for each in by_lower if len(wanted) >= 4 and each.startswith(wanted)]
    if longer:
        return by_lower[min(longer, key=len)]
    # Comparing with all of the dictionary takes tens of milliseconds.
    candidates = [
        each
        for each in by_lower
        if abs(len(each) - len(wanted)) <= 3
        and (each[:2] == wanted[:2] or each[-3:] == wanted[-3:])
    ]
    found = difflib.get_close_matches(wanted, candidates, n=1, cutoff=0.75)
    return by_lower[found[0]] if found else ""


@functools.cache
def _by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in all_symbols()}


def symbols_catalogue(query: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """The names that contain ``query``, for completion: those that begin with it first.

    Each is ``{"name", "type", "list", "scope", "description", "tag", "vr", "vm"}``.
    """
    wanted = query.lower()
    own = [each for each in site_symbols().values() if wanted in f"{each.name} {each.tag}".lower()]
    found = own + [symbol for lower, symbol in _searchable() if wanted in lower]
    found.sort(key=lambda symbol: not symbol.name.lower().startswith(wanted))
    return [symbol.as_dict() for symbol in found[:limit]]


@functools.cache
def _searchable() -> list[tuple[str, Symbol]]:
    """Names with what to search them by; those of patient, study, series and image groups first."""
    common = ("", "(0008", "(0010", "(0018", "(0020")
    symbols = sorted(all_symbols().values(), key=lambda symbol: symbol.tag[:5] not in common)
    clocks = [Symbol(name, DATETIME, "study", text) for name, text in CLOCKS.items()]
    return [(f"{each.name} {each.tag}".lower(), each) for each in (*symbols, *clocks)]
