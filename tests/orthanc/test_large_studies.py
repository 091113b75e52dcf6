"""A large study goes in parts, between which the small ones have their turn."""

from __future__ import annotations

from pathlib import Path

from testbed.orthanc import OrthancServer
from testbed.studies import make_study, send_by_rest
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def test_small_studies_do_not_wait_for_the_end_of_a_large_one(
    host_site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    target = host_site.modality(destination)
    host_site.rule(f'PatientID == "{patient}"', [target])
    host_site.console.post(f"/destinations/{target['id']}/pause/")
    host_site.settle()
    large = host_site.send(
        make_study(tmp_path / "large", series=2, instances=130, rows=8, PatientID=patient)
    )
    host_site.wait_for(large, "held", seconds=60)
    small = [
        host_site.send(
            make_study(tmp_path / f"s{n}", series=1, instances=2, rows=8, PatientID=patient)
        )
        for n in range(5)
    ]
    for study in small:
        host_site.wait_for(study, "held")
    host_site.console.post(f"/destinations/{target['id']}/resume/")
    (big,) = host_site.wait_for(large, "delivered", seconds=90)
    assert big["attempts"] == 2
    assert big["delivered_count"] == 260
    for study in small:
        (delivery,) = host_site.wait_for(study, "delivered")
        assert delivery["delivered_at"] < big["delivered_at"]
    uid = host_site.study(large)["study_instance_uid"]  # type: ignore[index]
    wait_for(lambda: destination.instance_counts().get(uid) == 260, "all images are there")


def test_images_that_arrive_later_go_without_those_that_are_there(
    host_site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    host_site.rule(f'PatientID == "{patient}"', [host_site.modality(destination)])
    host_site.settle()
    files = make_study(tmp_path, series=2, instances=5, PatientID=patient)
    study = host_site.send(files[:7])
    host_site.wait_for(study, "delivered")
    send_by_rest(files, host_site.orthanc.http_url)
    deliveries = host_site.wait_for(study, "delivered", "delivered")
    assert [delivery["instance_count"] for delivery in deliveries] == [7, 3]
