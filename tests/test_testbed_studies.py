from __future__ import annotations

from pathlib import Path

import pydicom

from testbed.studies import make_study, pydicom_samples


def test_the_same_seed_gives_the_same_study(tmp_path: Path) -> None:
    first = make_study(tmp_path / "a", "CT", series=2, instances=3, seed="x")
    second = make_study(tmp_path / "b", "CT", series=2, instances=3, seed="x")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_without_a_seed_every_study_is_new(tmp_path: Path) -> None:
    studies = [make_study(tmp_path, "MR", series=1, instances=1) for _ in range(2)]
    uids = {pydicom.dcmread(path).StudyInstanceUID for path, *_ in studies}
    assert len(uids) == 2


def test_a_study_has_its_series_and_instances_and_the_tags_that_were_asked_for(
    tmp_path: Path,
) -> None:
    files = make_study(tmp_path, "US", series=3, instances=2, rows=5, StudyDescription="Herz")
    images = [pydicom.dcmread(path) for path in files]
    assert len({image.StudyInstanceUID for image in images}) == 1
    assert len({image.SeriesInstanceUID for image in images}) == 3
    assert len({image.SOPInstanceUID for image in images}) == 6
    assert {image.StudyDescription for image in images} == {"Herz"}
    assert all(len(image.PixelData) == 26 for image in images)


def test_the_samples_of_pydicom_hold_each_instance_once() -> None:
    files = [path for study in pydicom_samples().values() for path in study]
    uids = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files}
    assert len(uids) == len(files) > 100
