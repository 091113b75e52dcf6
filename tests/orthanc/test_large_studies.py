"""A large study goes in parts, between which the small ones have their turn."""

from __future__ import annotations

from pathlib import Path

from testbed.orthanc import OrthancServer
from testbed.studies import make_study, send_by_rest
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def test_small_studies_do_not_wait_for_the_end_of_a_large_one(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    target = site.modality(destination)
    site.rule(f'PatientID == "{patient}"', [target])
    site.console.post(f"/destinations/{target['id']}/pause/")
    site.settle()
    large = site.send(
        make_study(tmp_path / "large", series=3, instances=500, rows=8, PatientID=patient)
    )
    site.wait_for(large, "held", seconds=60)
    small = [
        site.send(make_study(tmp_path / f"s{n}", series=1, instances=2, rows=8, PatientID=patient))
        for n in range(5)
    ]
    for study in small:
        site.wait_for(study, "held")
    site.console.post(f"/destinations/{target['id']}/resume/")
    (big,) = site.wait_for(large, "delivered", seconds=90)
    assert big["attempts"] == 3
    assert big["delivered_count"] == 1500
    for study in small:
        (delivery,) = site.wait_for(study, "delivered")
        assert delivery["delivered_at"] < big["delivered_at"]
    uid = site.study(large)["study_instance_uid"]  # type: ignore[index]
    wait_for(lambda: destination.instance_counts().get(uid) == 1500, "all images are there")


def test_images_that_arrive_later_go_without_those_that_are_there(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.modality(destination)])
    site.settle()
    files = make_study(tmp_path, series=2, instances=5, PatientID=patient)
    study = site.send(files[:7])
    site.wait_for(study, "delivered")
    send_by_rest(files, site.orthanc.http_url)
    deliveries = site.wait_for(study, "delivered", "delivered")
    assert [delivery["instance_count"] for delivery in deliveries] == [7, 3]
