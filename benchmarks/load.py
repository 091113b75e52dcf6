"""Studies to upload, kept in memory so that reading files is not what is measured."""

from __future__ import annotations

import functools
import http.client
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.studies import make_study


@dataclass(frozen=True)
class Study:
    """One study of small images: its files, also as bytes."""

    files: tuple[Path, ...]
    images: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.images)


@functools.cache
def make_studies(folder: Path, count: int, instances: int) -> tuple[Study, ...]:
    """Make `count` studies of `instances` CT images of 64 x 64 pixels."""
    studies = []
    for number in range(count):
        files = make_study(
            folder / f"{instances}-{number}",
            series=1,
            instances=instances,
            seed=f"{instances}-{number}",
        )
        studies.append(Study(tuple(files), tuple(path.read_bytes() for path in files)))
    return tuple(studies)


def instances_of(studies: Iterable[Study]) -> int:
    """How many images they have."""
    return sum(len(study) for study in studies)


def upload(port: int, studies: Sequence[Study]) -> list[str]:
    """POST the images one after another over one connection; return Orthanc's ids of the studies.

    Raises RuntimeError at the first image that Orthanc refuses.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    ids = []
    for study in studies:
        for image in study.images:
            connection.request("POST", "/instances", body=image)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"Orthanc refuses an image: {response.status} {answer[:200]!r}")
        ids.append(str(json.loads(answer)["ParentStudy"]))
    connection.close()
    return ids


def upload_in_background(port: int, studies: Sequence[Study]) -> threading.Thread:
    """Begin an upload that may be cut off by the death of the server."""

    def run() -> None:
        try:
            upload(port, studies)
        except (OSError, http.client.HTTPException):
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
