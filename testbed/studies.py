"""DICOM studies to send: generated ones, and the files that pydicom ships; and ways to send them.

files = make_study(tmp_path, "MR", series=3, seed=7, StudyDescription="Knee")
send_by_cstore(files, "127.0.0.1", 4242, "ORTHANC")
"""

from __future__ import annotations

import array
import functools
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydicom
import requests
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    generate_uid,
)

SOP_CLASSES: dict[str, UID] = {
    "CR": ComputedRadiographyImageStorage,
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "US": UltrasoundImageStorage,
}

# Character sets with a name that needs them, for `make_study(..., **ODD_NAMES[1])`.
ODD_NAMES: list[dict[str, Any]] = [
    {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Åkerström^Björn"},
    {"SpecificCharacterSet": "ISO_IR 144", "PatientName": "Соколова^Мария"},
    {"SpecificCharacterSet": "ISO_IR 126", "PatientName": "Παπαδόπουλος^Νίκος"},
    {"SpecificCharacterSet": "GB18030", "PatientName": "Wang^XiaoDong=王^小东"},
    {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Sato^Hana=佐藤^花"},
    {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Nguyễn^Thị Hồng"},
]

# These pass for whole in their header, but end too early or have pixels that contradict it;
# DCMTK cannot send those with RLE.
REFUSED = {
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "rtdose_rle.dcm",
    "rtdose_rle_1frame.dcm",
    "rtplan_truncated.dcm",
}


def make_study(
    directory: Path,
    modality: str = "CT",
    *,
    series: int = 2,
    instances: int = 10,
    rows: int = 64,
    seed: int | str | None = None,
    **tags: Any,
) -> list[Path]:
    """Write a study of `series` series of `instances` images of `rows` x `rows` pixels each.

    The same `seed` and modality give the same study; None gives a new one every time. `tags`, by
    DICOM keyword, go over the defaults of every instance. The files are named for their UIDs.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if seed is None:
        seed = str(generate_uid(None))
    study = _study_tags(modality, seed)
    files = []
    for series_number in range(1, series + 1):
        series_uid = generate_uid(entropy_srcs=[study.StudyInstanceUID, str(series_number)])
        for instance_number in range(1, instances + 1):
            image = Dataset()
            image.update(study)
            image.SeriesInstanceUID = series_uid
            image.SeriesNumber = series_number
            image.SeriesDescription = f"{modality} series {series_number}"
            image.InstanceNumber = instance_number
            image.SOPInstanceUID = generate_uid(entropy_srcs=[series_uid, str(instance_number)])
            _add_pixels(image, rows, instance_number)
            for keyword, value in tags.items():
                setattr(image, keyword, value)
            files.append(_write(image, directory))
    return files


@functools.cache
def pydicom_samples() -> dict[str, list[Path]]:
    """Return the files inside the pydicom package that Orthanc accepts, by StudyInstanceUID.

    Every instance is there once, although pydicom has some in several transfer syntaxes.
    """
    studies: dict[str, list[Path]] = defaultdict(list)
    seen = set()
    for path in sorted(Path(DATA_ROOT).rglob("*")):
        if not path.is_file() or path.name in REFUSED:
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            continue
        uid = header.get("SOPInstanceUID")
        identified = all(header.get(f"{level}InstanceUID") for level in ("Study", "Series"))
        if identified and uid == header.file_meta.get("MediaStorageSOPInstanceUID", "") != "":
            if uid not in seen:
                studies[str(header.StudyInstanceUID)].append(path)
            seen.add(uid)
    return dict(studies)


def send_by_cstore(
    files: Iterable[Path], host: str, port: int, aet: str, calling_aet: str = "SAMPLES"
) -> None:
    """Send files with DCMTK's dcmsend, each in the transfer syntax that it has.

    Raises RuntimeError with dcmsend's words unless every instance was stored.
    """
    sent = list(files)
    with tempfile.TemporaryDirectory(prefix="orthanc-console-send-") as folder:
        for number, path in enumerate(sent):
            shutil.copyfile(path, Path(folder, f"{number:06}.dcm"))
        send = ["dcmsend", "--verbose", "--decompress-never", "-aet", calling_aet, "-aec", aet]
        run = subprocess.run(
            [*send, "--scan-directories", host, str(port), folder],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    # dcmsend counts an instance that was refused as sent, and ends with 0.
    stored = re.search(r"with status SUCCESS\s*:\s*(\d+)", run.stdout)
    if stored is None or int(stored[1]) != len(sent):
        failures = [line for line in run.stdout.splitlines() if re.match(r"[EF]:|.*Error", line)]
        raise RuntimeError(f"dcmsend ended with {run.returncode}:\n" + "\n".join(failures))


def send_by_rest(
    files: Iterable[Path], http_url: str, auth: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """POST files to Orthanc's /instances and return its answers.

    Raises requests.HTTPError at the first file that Orthanc refuses.
    """
    answers = []
    with requests.Session() as session:
        session.trust_env = False
        session.auth = auth
        for path in files:
            answer = session.post(f"{http_url}/instances", data=path.read_bytes(), timeout=30)
            answer.raise_for_status()
            answers.append(answer.json())
    return answers


def _study_tags(modality: str, seed: int | str) -> Dataset:
    chance = random.Random(f"{modality} {seed}")
    study = Dataset()
    study.SpecificCharacterSet = "ISO_IR 192"
    study.SOPClassUID = SOP_CLASSES.get(modality, SecondaryCaptureImageStorage)
    study.Modality = modality
    study.StudyInstanceUID = generate_uid(entropy_srcs=["study", modality, str(seed)])
    study.PatientID = f"P{chance.randrange(10**6):06}"
    study.PatientName = f"Sample{study.PatientID}^{modality}"
    study.PatientSex = chance.choice("FMO")
    birth_year = chance.randrange(1930, 2020)
    study.PatientBirthDate = f"{birth_year}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
    study.StudyDate = f"{chance.randrange(2020, 2026)}{chance.randrange(1, 13):02}15"
    study.StudyTime = f"{chance.randrange(24):02}{chance.randrange(60):02}00"
    study.AccessionNumber = f"A{chance.randrange(10**8):08}"
    study.StudyID = str(chance.randrange(10**4))
    study.StudyDescription = f"{modality} sample"
    study.ReferringPhysicianName = ""
    study.InstitutionName = "Sample Hospital"
    return study


def _add_pixels(image: Dataset, rows: int, position: int) -> None:
    bits = 8 if image.Modality == "US" else 16
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = rows
    image.BitsAllocated = image.BitsStored = bits
    image.HighBit = bits - 1
    image.PixelRepresentation = 0
    image.PixelData = _phantom(rows, position, bits)


@functools.lru_cache(maxsize=256)
def _phantom(rows: int, position: int, bits: int) -> bytes:
    """Draw a slice through a ball: a bright disc, larger or smaller with the position."""
    radius = rows * (0.2 + 0.05 * (position % 5))
    centre = rows / 2
    inside = 2**bits - 1
    pixels = (
        inside if (x - centre) ** 2 + (y - centre) ** 2 < radius**2 else inside * y // (4 * rows)
        for y in range(rows)
        for x in range(rows)
    )
    drawn = array.array("B" if bits == 8 else "H", pixels).tobytes()
    return drawn + b"\0" * (len(drawn) % 2)


def _write(image: Dataset, directory: Path) -> Path:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    path = directory / f"{image.SOPInstanceUID}.dcm"
    image.save_as(path, enforce_file_format=True)
    return path
