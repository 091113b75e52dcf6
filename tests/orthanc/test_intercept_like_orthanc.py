"""A C-MOVE that no webhook concerns ends as with plain Orthanc: same status, same images, at every level and error."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
import pytest

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import free_port, wait_for
from tests.orthanc.moves import listens, move
from tests.orthanc.site import Site, unique

REFUSED, WARNING = 0xC000, 0xB000


class Pair(NamedTuple):
    """The same studies in a plain Orthanc and in one that intercepts; `target` is a modality of both."""

    plain: OrthancServer
    site: Site
    target: OrthancServer
    first: list[Path]
    second: list[Path]
    variant: int


@pytest.fixture(scope="module")
def pair(
    request: pytest.FixtureRequest,
    orthanc_version: OrthancVersion,
    tmp_path_factory: pytest.TempPathFactory,
    host_version: OrthancVersion,
) -> Iterator[Pair]:
    console = request.getfixturevalue("shared_console")
    folder = tmp_path_factory.mktemp("pair")
    target = OrthancServer(folder / "target", version=host_version, aet="TARGET")
    target.start()
    modalities = {
        "target": target.as_modality(),
        "down": ["DOWN", "127.0.0.1", free_port()],
    }
    configuration = {"DicomModalities": modalities}
    plain = OrthancServer(folder / "plain", configuration, version=orthanc_version, aet="NODE")
    plain.start()
    site = Site(console, folder / "site", orthanc_version, configuration)
    site.orthanc.configuration["OrthancConsole"]["InterceptMove"] = True
    site.start()
    patient = unique("P")
    first = _study(folder / "first", patient, "A1")
    second = _study(folder / "second", patient, "A2")
    for server in (plain, site.orthanc):
        for path in first + second:
            server.request("POST", "/instances", data=path.read_bytes()).raise_for_status()
    variant = int(site.plugin()["intercept"]["variant"])
    yield Pair(plain, site, target, first, second, variant)
    for server in (plain, site.orthanc, target):
        server.kill()


def _study(folder: Path, patient: str, accession: str) -> list[Path]:
    return make_study(
        folder,
        "CT",
        series=2,
        instances=3,
        rows=8,
        PatientID=patient,
        AccessionNumber=unique(accession)[:16],
    )


def _tag(path: Path, keyword: str) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True)[keyword].value)


def _moved(target: OrthancServer, ask: Callable[[], object]) -> tuple[object, int]:
    for study in target.get("/studies"):
        target.delete(f"/studies/{study}")
    answer = ask()
    return answer, len(target.get("/instances"))


def _cases(pair: Pair) -> dict[str, tuple[str, str, str]]:
    """Name -> key, value, expected number of images."""
    one, two = pair.first[0], pair.second[0]
    join = "\\".join
    return {
        "patient": ("PATIENT", _tag(one, "PatientID"), "12"),
        "study": ("STUDY", _tag(one, "StudyInstanceUID"), "6"),
        "studies": ("STUDY", join(_tag(p, "StudyInstanceUID") for p in (one, two)), "12"),
        "series": ("SERIES", _tag(one, "SeriesInstanceUID"), "3"),
        "list of series": ("SERIES", join(_tag(p, "SeriesInstanceUID") for p in (one, two)), "6"),
        "image": ("IMAGE", _tag(one, "SOPInstanceUID"), "1"),
        "images": ("IMAGE", join(_tag(p, "SOPInstanceUID") for p in pair.first), "6"),
        "accession": ("ACCESSION", _tag(two, "AccessionNumber"), "6"),
        "one known, one unknown": ("STUDY", f"1.2.3.4\\{_tag(one, 'StudyInstanceUID')}", "6"),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("patient", "study", "studies", "series", "list of series", "image", "images"),
        *("accession", "one known, one unknown"),
    ],
)
def test_what_is_asked_for_arrives_with_the_status_and_the_counts_of_plain_orthanc(
    pair: Pair, name: str
) -> None:
    key, value, expected = _cases(pair)[name]
    level = "STUDY" if key == "ACCESSION" else key
    ours, images = _moved(
        pair.target, lambda: move(pair.site.orthanc, level, value, "TARGET", key=key)
    )
    theirs, reference = _moved(
        pair.target, lambda: move(pair.plain, level, value, "TARGET", key=key)
    )
    assert images == reference == int(expected)
    assert ours.status == theirs.status == 0
    if pair.variant > 1:
        assert (ours.completed, ours.failed) == (theirs.completed, theirs.failed)
        assert ours.pending == theirs.pending


@pytest.mark.parametrize("name", ["unknown study", "unknown target", "no identifier", "down"])
def test_what_cannot_be_sent_is_refused_as_by_plain_orthanc(pair: Pair, name: str) -> None:
    uid = _tag(pair.first[0], "StudyInstanceUID")
    value, target = {
        "unknown study": ("1.2.3.4.5", "TARGET"),
        "unknown target": (uid, "NOWHERE"),
        "no identifier": ("", "TARGET"),
        "down": (uid, "DOWN"),
    }[name]
    theirs, reference = _moved(pair.target, lambda: move(pair.plain, "STUDY", value, target))
    ours, images = _moved(pair.target, lambda: move(pair.site.orthanc, "STUDY", value, target))
    assert images == reference == 0
    assert theirs.status == REFUSED
    # The oldest callback knows no other failure; the node's page says so.
    assert ours.status == (WARNING if pair.variant == 1 else REFUSED)


def test_the_target_is_found_in_any_letter_case_as_by_plain_orthanc(pair: Pair) -> None:
    uid = _tag(pair.first[0], "StudyInstanceUID")
    theirs, reference = _moved(pair.target, lambda: move(pair.plain, "STUDY", uid, "target"))
    ours, images = _moved(pair.target, lambda: move(pair.site.orthanc, "STUDY", uid, "target"))
    assert images == reference == 6
    assert ours.status == theirs.status == 0


def test_images_carry_who_asked_for_them_as_with_plain_orthanc(pair: Pair, tmp_path: Path) -> None:
    uid = _tag(pair.first[0], "SOPInstanceUID")
    port, log = free_port(), tmp_path / "storescp.log"
    with log.open("w") as output:
        scp = subprocess.Popen(
            ["storescp", "-d", "-od", str(tmp_path), str(port)], stdout=output, stderr=output
        )
    try:
        wait_for(lambda: listens(port), "storescp listens")
        for server in (pair.plain, pair.site.orthanc):
            server.put("/modalities/listener", ["LISTENER", "127.0.0.1", port])
            assert move(server, "IMAGE", uid, "LISTENER", aet="ASKER").success
    finally:
        scp.kill()
        scp.wait()
    said = log.read_text()
    assert re.findall(r"Move Originator AE Title\s*: (\S+)", said) == ["ASKER", "ASKER"]
    assert re.findall(r"Move Originator ID\s*: (\S+)", said) == ["1", "1"]


def test_the_console_shows_who_moved_what_where(pair: Pair) -> None:
    uid = _tag(pair.first[0], "StudyInstanceUID")
    move(pair.site.orthanc, "STUDY", uid, "TARGET", aet="ASKER2")
    move(pair.site.orthanc, "STUDY", uid, "NOWHERE", aet="ASKER2")

    def shown() -> list[dict[str, Any]]:
        found = pair.site.console.get(
            "/move-requests/", originator_aet="ASKER2", node=pair.site.node_id
        )["results"]
        return [each for each in found if each["outcome"] != "running"]

    failed, sent = wait_for(lambda: len(shown()) == 2 and shown(), "both C-MOVEs are shown")
    assert (sent["outcome"], sent["sent_count"], sent["instance_count"]) == ("sent", 6, 6)
    assert sent["study_instance_uid"] == uid
    assert sent["patient_id"] == _tag(pair.first[0], "PatientID")
    assert (sent["source_aet"], sent["target_aet"]) == ("NODE", "TARGET")
    assert failed["outcome"] == "failed"
    assert "no modality" in failed["detail"]
    if pair.variant == 3:
        assert sent["remote_ip"] == "127.0.0.1"
