"""What people ask for by hand is done by real Orthancs, and the console tells what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def answered(site: Site, act: str) -> dict[str, Any]:
    """What came of an act, once its nodes have answered."""

    def outcome() -> dict[str, Any]:
        said: dict[str, Any] = site.console.get(f"/acts/{act}/")["outcome"]
        return said

    wait_for(lambda: outcome()["open"] == 0, "the node has answered", interval=0.05)
    return outcome()


def make_studies(site: Site, folder: Path, patient: str, count: int) -> list[str]:
    studies = [
        site.send(make_study(folder / f"{n}", series=1, instances=2, rows=8, PatientID=patient))
        for n in range(count)
    ]
    for study in studies:
        site.wait_for_study(study)
    return studies


def test_all_studies_that_match_are_sent_and_what_is_gone_is_named(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    pacs = site.modality(destination)
    site.settle()
    *kept, gone = make_studies(site, tmp_path, patient, 4)
    site.orthanc.delete(f"/studies/{gone}")
    body = {"destination": pacs["id"], "search": patient, "node": site.node_id}
    report = site.console.post("/studies/send/", body)
    # The console learns of a deletion only when somebody asks for the study.
    assert report["done"] + len(report["skipped"]) == 4
    outcome = answered(site, report["act"])
    assert (outcome["done"], outcome["not_done"]) == (3, 1)
    [reason] = outcome["reasons"]
    assert "any more" in reason
    for study in kept:
        [delivery] = site.wait_for(study, "delivered")
        assert delivery["cause"] == "manual"
    stored = destination.instance_counts()
    assert sum(stored.get(site.study(study)["study_instance_uid"], 0) for study in kept) == 6


def test_draining_a_paused_lane_cancels_what_is_held(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    pacs = site.modality(destination, paused=True)
    site.rule(f'PatientID == "{patient}"', [pacs])
    site.settle()
    studies = make_studies(site, tmp_path, patient, 3)
    for study in studies:
        site.wait_for(study, "held")
    report = site.console.post(f"/destinations/{pacs['id']}/drain/", {"node": site.node_id})
    assert answered(site, report["act"])["done"] == 3
    for study in studies:
        [delivery] = site.wait_for(study, "cancelled")
        assert delivery["reason"] == "by_hand"


def test_lanes_tell_what_arrived_within_the_hour(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    pacs = site.modality(destination)
    site.rule(f'PatientID == "{patient}"', [pacs])
    site.settle()
    [study] = make_studies(site, tmp_path, patient, 1)
    site.wait_for(study, "delivered")

    def lane() -> dict[str, Any]:
        [lane] = site.console.get("/lanes/", destination=pacs["id"])["results"]
        found: dict[str, Any] = lane
        return found

    wait_for(lambda: lane()["last_success_at"], "the node has reported the lane")
    size = int(site.orthanc.get(f"/studies/{study}/statistics")["DiskSize"])
    assert lane()["last_hour"] == {"deliveries": 1, "instances": 2, "bytes": size}
    assert (lane()["state"], lane()["breaker"], lane()["waiting"]) == ("idle", "closed", 0)


@pytest.mark.parametrize(
    ("configuration", "aet", "means", "to_do"),
    [
        (
            *({"DicomCheckCalledAet": True}, "OTHER"),
            *("refused to talk to Orthanc", "check that the AE title OTHER is its own"),
        ),
        (
            {"DicomAlwaysAllowStore": False},
            "STRICT",
            "broke the transfer off",
            "add the AE title NODE to its list",
        ),
    ],
)
def test_a_refusal_names_what_has_to_be_entered_where(
    configuration: dict[str, Any],
    aet: str,
    means: str,
    to_do: str,
    site: Site,
    start_orthanc: Callable[..., OrthancServer],
    tmp_path: Path,
) -> None:
    patient = unique("P")
    strict = start_orthanc("strict", configuration)
    pacs = site.modality(strict, aet=aet)
    site.rule(f'PatientID == "{patient}"', [pacs])
    site.settle()
    [study] = make_studies(site, tmp_path, patient, 1)

    def lane() -> dict[str, Any]:
        [lane] = site.console.get("/lanes/", destination=pacs["id"])["results"]
        found: dict[str, Any] = lane
        return found

    wait_for(lambda: lane()["last_error"], "the lane tells of its error")
    assert means in lane()["error_means"]
    assert to_do in lane()["what_to_do"]
    assert [each["state"] for each in site.deliveries(study)] == ["waiting"]


def test_a_destination_that_answers_and_refuses_is_not_tried_without_pause(
    site: Site, start_orthanc: Callable[..., OrthancServer], tmp_path: Path
) -> None:
    patient = unique("P")
    # It answers C-ECHO, and breaks off C-STORE.
    strict = start_orthanc("strict", {"DicomAlwaysAllowStore": False})
    site.rule(f'PatientID == "{patient}"', [site.modality(strict)])
    site.settle()
    [study] = make_studies(site, tmp_path, patient, 1)
    wait_for(lambda: site.deliveries(study)[0]["attempts"] == 1, "it was tried")
    [delivery] = site.deliveries(study)
    with pytest.raises(TimeoutError):
        wait_for(lambda: site.deliveries(study)[0]["attempts"] > 1, "it is tried again", 6)
    assert delivery["next_attempt_at"] is not None
