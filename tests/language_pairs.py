"""Random pairs of a rule and the facts of a study, for checks that two evaluations agree.

The values are valid DICOM (they can be written into files), and some are missing, multi-valued or not
ASCII. The rules are valid, and about as often fulfilled as not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

MODALITIES = ("CT", "MR", "US", "CR", "SR", "PT")
DESCRIPTIONS = (
    "HEAD T1 AX",
    "THORAX",
    "Schädel nativ",
    "ABDOMEN FS",
    "頭部 T2",
    "Tête",
    "T1 AX FS",
)
NAMES = ("DOE^JOHN", "MÜLLER^ÄNNE", "山田^太郎", "O'NEIL^SEAN", "SØRENSEN^BØRGE^^Dr")
DATES = ("20190228", "20200229", "20211231", "20230615", "20240131", "20250701")
TIMES = ("000000", "075959.5", "120000", "1830", "235959.123456")
IMAGE_TYPES = ("ORIGINAL\\PRIMARY\\AXIAL", "DERIVED\\SECONDARY", "ORIGINAL\\PRIMARY\\LOCALIZER")
AETS = ("CT1", "MR_1", "WORKSTATION")
PATTERNS = ("^HEAD", "T[12]", "AX$", "ä|ö|Ø", "\\\\bFS\\\\b", ".*T1.*AX")

Facts = dict[str, Any]

_STUDY: dict[str, tuple[str, ...]] = {
    "PatientName": NAMES,
    "PatientID": ("1", "007", "TEST-42", "ÄB 1"),
    "PatientSex": ("F", "M", "O"),
    "PatientBirthDate": ("19500101", "19800229", "20100615", "20230601"),
    "PatientAge": ("042Y", "006M", "012W", "017Y", "018Y"),
    "StudyDate": DATES,
    "StudyTime": TIMES,
    "StudyDescription": DESCRIPTIONS,
    "AccessionNumber": ("A1", "A2", "0815"),
    "InstitutionName": ("Klinik Süd", "HOSPITAL"),
    "ReferringPhysicianName": NAMES,
}
_SERIES: dict[str, tuple[str, ...]] = {
    "SeriesDescription": DESCRIPTIONS,
    "SeriesNumber": ("1", "2", "17"),
    "SliceThickness": ("0.625", "1.25", "2", "5.0"),
    "PixelSpacing": ("0.5\\0.5", "1\\0.9765625"),
    "ImageType": IMAGE_TYPES,
    "BodyPartExamined": ("HEAD", "CHEST"),
    "StationName": ("CT_A", "MR_B", "ct_a"),
    "ManufacturerModelName": ("Model Ω", "Model 5"),
}


def generate_pairs(
    count: int, seed: int = 1, *, own_names: bool = True
) -> Iterator[tuple[str, Facts]]:
    """Yield rules with facts ``{"study": {...}, "series": [...]}``; the same for the same seed.

    ``own_names`` also uses names that are no DICOM keywords, such as ``RemoteAET`` and ``Labels``.
    """
    rng = random.Random(seed)
    for _ in range(count):
        yield make_rule(rng, own_names=own_names), make_facts(rng, own_names=own_names)


def make_facts(rng: random.Random, *, own_names: bool = True) -> Facts:
    """The facts of a study of one to three series."""
    study: Facts = _some(rng, _STUDY)
    series: list[Facts] = []
    for number in range(rng.randint(1, 3)):
        uid = f"1.2.826.0.1.{rng.randint(1, 10**9)}.{number + 1}"
        series.append(
            {
                "SeriesInstanceUID": uid,
                "Modality": rng.choice(MODALITIES),
                **_some(rng, _SERIES),
            }
        )
    study["ModalitiesInStudy"] = "\\".join(sorted({each["Modality"] for each in series}))
    if own_names:
        study |= {
            "RemoteAET": rng.choice(AETS),
            "Labels": rng.sample(("teaching", "forschung", "prüfen"), rng.randint(0, 2)),
            "InstanceCount": rng.randint(1, 900),
            "SeriesCount": len(series),
            "StudySizeMB": rng.choice((0.5, 12.25, 800)),
            "ReceivedAt": f"2025-07-{rng.randint(1, 28):02d}T12:00:00",
        }
    return {"study": study, "series": series}


def _some(rng: random.Random, values: dict[str, tuple[str, ...]]) -> Facts:
    found: Facts = {}
    for name, choices in values.items():
        lot = rng.random()
        if lot < 0.7:
            found[name] = rng.choice(choices)
        elif lot < 0.8:
            found[name] = ""
    return found


def make_rule(rng: random.Random, *, own_names: bool = True, depth: int = 0) -> str:
    """A valid rule of one to a few conditions."""
    if depth > 2 or rng.random() < 0.35 + 0.15 * depth:
        makers = _CONDITIONS + (_OWN_CONDITIONS if own_names else ())
        return rng.choice(makers)(rng)
    parts = [make_rule(rng, own_names=own_names, depth=depth + 1) for _ in range(rng.randint(2, 3))]
    text = rng.choice((" and ", " or ")).join(f"({part})" for part in parts)
    return f"not ({text})" if rng.random() < 0.2 else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\") + '"'


def _equal(rng: random.Random) -> str:
    names = {**_STUDY, **_SERIES, "Modality": MODALITIES}
    name = rng.choice(
        [
            *("PatientID", "PatientSex", "PatientName", "StudyDescription", "AccessionNumber"),
            *("InstitutionName", "BodyPartExamined", "StationName", "Modality"),
        ]
    )
    return f"{name} {rng.choice(('==', '!='))} {_quoted(rng.choice(names[name]))}"


def _listed(rng: random.Random) -> str:
    values = ", ".join(_quoted(each) for each in rng.sample(MODALITIES, 2))
    return f"Modality {rng.choice(('in', 'not in'))} [{values}]"


def _contains(rng: random.Random) -> str:
    word = rng.choice(("in", "not in"))
    return rng.choice(
        (
            f"{_quoted(rng.choice(MODALITIES))} {word} ModalitiesInStudy",
            f'"LOCALIZER" {word} ImageType',
            f'"T1" {word} SeriesDescription',
            f"{_quoted(rng.choice(DESCRIPTIONS))} {word} SeriesDescriptions",
        )
    )


def _pattern(rng: random.Random) -> str:
    name = rng.choice(("StudyDescription", "SeriesDescription", "PatientName"))
    return f'{name} {rng.choice(("=~", "=~~", "!~", "!~~"))} "{rng.choice(PATTERNS)}"'


def _number(rng: random.Random) -> str:
    op = rng.choice(("<", "<=", ">", ">=", "==", "!="))
    return rng.choice(
        (
            f"SliceThickness {op} {rng.choice((1, 1.25, 2))}",
            f"SeriesNumber {op} {rng.choice((1, 2))}",
            f"PatientAgeYears {op} {rng.choice((0, 17, 18))}",
            f"PixelSpacing[0] * 2 {op} 1",
            f"SliceThickness - 0.25 {op} 1",
        )
    )


def _date(rng: random.Random) -> str:
    op = rng.choice(("<", "<=", ">", ">=", "==", "!="))
    day = rng.choice(DATES)
    literal = f'd"{day[:4]}-{day[4:6]}-{day[6:]}"'
    return rng.choice(
        (
            f"StudyDate {op} {literal}",
            f'StudyDate {op} $now - t"P{rng.choice((100, 900, 2000))}D"',
            f'StudyDate - PatientBirthDate {op} t"P6570D"',
            f'StudyDate + StudyTime {op} {literal[:-1]}T12:00:00"',
            f"StudyDate.year {op} 2023",
        )
    )


def _time(rng: random.Random) -> str:
    op = rng.choice(("<", ">="))
    return rng.choice((f'StudyTime {op} t"PT18H"', f"StudyTime.hour {op} 8"))


def _text(rng: random.Random) -> str:
    return rng.choice(
        (
            'StationName.as_lower == "ct_a"',
            'StationName.starts_with("CT")',
            'PatientName.ends_with("ÄNNE")',
            "StudyDescription.length > 8",
            'PatientID < "1"',
            "ImageType.length == 3",
            'ImageType[2] == "AXIAL"',
        )
    )


def _own(rng: random.Random) -> str:
    return rng.choice(
        (
            f'RemoteAET == "{rng.choice(AETS)}"',
            '"teaching" in Labels',
            '"prüfen" not in Labels',
            f"InstanceCount > {rng.choice((10, 400))}",
            "SeriesCount >= 2",
            "StudySizeMB < 100",
            'ReceivedAt < d"2025-07-14"',
        )
    )


_CONDITIONS: tuple[Callable[[random.Random], str], ...] = (
    *(_equal, _listed, _contains, _pattern, _number, _date, _time, _text),
)
_OWN_CONDITIONS: tuple[Callable[[random.Random], str], ...] = (_own,)
