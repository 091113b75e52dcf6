"""Small studies that wait for the same destination share jobs, and so associations."""

from __future__ import annotations

from pathlib import Path

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def test_small_studies_share_jobs_and_one_that_is_gone_does_not_take_others_with_it(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    target = site.modality(destination)
    site.rule(f'PatientID == "{patient}"', [target])
    site.console.post(f"/destinations/{target['id']}/pause/")
    site.settle()
    studies = [
        site.send(make_study(tmp_path / str(n), series=1, instances=2, PatientID=patient))
        for n in range(8)
    ]
    for study in studies:
        site.wait_for(study, "held")
    gone = studies.pop(1)
    (lost,) = site.wait_for(gone, "held")
    site.orthanc.delete(f"/studies/{gone}")
    site.console.post(f"/destinations/{target['id']}/resume/")
    jobs = []
    for study in studies:
        (delivery,) = site.wait_for(study, "delivered", seconds=60)
        detail = site.console.get(f"/deliveries/{delivery['id']}/")
        jobs += [a["job_id"] for a in detail["attempt_list"] if a["outcome"] == "succeeded"]
    assert len(jobs) == len(studies)
    assert len(set(jobs)) < len(jobs)
    wait_for(
        lambda: site.console.get(f"/deliveries/{lost['id']}/")["reason"] == "study_gone",
        "the study that was deleted is given up",
    )
    uids = {str(site.study(study)["study_instance_uid"]) for study in studies}  # type: ignore[index]
    counts = destination.instance_counts()
    wait_for(lambda: {counts.get(uid) for uid in uids} == {2}, "all images are there")
