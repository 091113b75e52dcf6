"""A study that a rule matches arrives, complete, and the console shows how; another does not."""

from __future__ import annotations

import time
from pathlib import Path

import pydicom
import pytest

from testbed.orthanc import OrthancServer
from testbed.studies import make_study, send_by_cstore
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique


def test_a_study_that_matches_arrives_complete_at_each_kind_of_destination(
    site: Site, destination: OrthancServer, peer: Peer, tmp_path: Path
) -> None:
    patient = unique("P")
    targets = [
        site.modality(destination),
        site.peer(peer.url),
        site.dicomweb(destination),
    ]
    rule = site.rule(f'PatientID == "{patient}" and Modality == "CT"', targets)
    site.settle()
    files = make_study(tmp_path / "ct", "CT", series=2, instances=3, rows=8, PatientID=patient)
    other = make_study(tmp_path / "us", "US", series=1, instances=2, rows=8, PatientID=patient)
    send_by_cstore(files, "127.0.0.1", site.orthanc.dicom_port, site.orthanc.aet)
    unmatched = site.send(other)
    (study,) = (s for s in _orthanc_ids(site, patient) if s != unmatched)

    deliveries = site.wait_for(study, "delivered", "delivered", "delivered")
    assert {d["destination"] for d in deliveries} == {target["id"] for target in targets}
    for delivery in deliveries:
        assert (delivery["instance_count"], delivery["delivered_count"]) == (6, 6)
        assert [each["id"] for each in delivery["rules"]] == [rule["id"]]
        assert delivery["attempts"] == 1
        assert delivery["last_error"] == ""
    assert destination.instance_counts()[_uid(files)] == 6
    assert peer.received == dict.fromkeys((path.stem for path in files), 1)

    decisions = site.decisions(unmatched)
    assert decisions[rule["id"]]["result"] == "no_match"
    assert site.deliveries(unmatched) == []
    assert _uid(other) not in destination.instance_counts()


def test_the_console_shows_study_attempts_and_timeline(
    site: Site, peer: Peer, tmp_path: Path
) -> None:
    patient = unique("P")
    target = site.peer(peer.url)
    rule = site.rule(f'PatientID == "{patient}"', [target])
    site.settle()
    files = make_study(
        tmp_path, "MR", series=2, instances=2, rows=8, PatientID=patient, PatientName="MÜLLER^ÄNNE"
    )
    send_by_cstore(files, "127.0.0.1", site.orthanc.dicom_port, site.orthanc.aet, "SCANNER")
    (ident,) = _orthanc_ids(site, patient)
    (delivery,) = site.wait_for(ident, "delivered")

    study = site.wait_for_study(ident)
    assert study["study_instance_uid"] == _uid(files)
    assert study["patient_name"] == "MÜLLER^ÄNNE"
    assert study["modalities"] == ["MR"]
    assert (study["instance_count"], study["series_count"]) == (4, 2)
    assert study["source_aet"] == "SCANNER"
    statistics = site.orthanc.get(f"/studies/{ident}/statistics")
    # Orthanc may keep more of an instance once somebody has read it.
    assert 0 < study["size_bytes"] <= int(statistics["DiskSize"])
    assert study["received_at"] <= study["stable_at"]

    detail = site.console.get(f"/deliveries/{delivery['id']}/")
    (attempt,) = detail["attempt_list"]
    assert attempt["outcome"] == "succeeded"
    assert attempt["started_at"] <= attempt["finished_at"]
    job = site.orthanc.get(f"/jobs/{attempt['job_id']}")
    assert job["State"] == "Success"

    events = list(site.console.pages(f"/studies/{study['id']}/timeline/"))[::-1]
    kinds = [event["kind"] for event in events]
    assert kinds[:2] == ["study.stable", "rules.evaluated"]
    assert set(kinds[2:]) == {"delivery.changed"}
    states = [event["data"]["delivery"]["state"] for event in events[2:]]
    assert states == ["waiting", "sending", "delivered"]
    (decision,) = (d for d in events[1]["data"]["decisions"] if d["rule"] == rule["id"])
    assert decision["result"] == "match"
    assert decision["destinations"] == [target["id"]]


def test_a_delivery_shows_soon_after_its_job_ended(site: Site, peer: Peer, tmp_path: Path) -> None:
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    peer.open.clear()
    files = make_study(tmp_path, "CR", series=1, instances=1, rows=8, PatientID=patient)
    ident = site.send(files)
    site.wait_for(ident, "sending")
    begin = time.monotonic()
    peer.open.set()
    site.wait_for(ident, "delivered")
    assert time.monotonic() - begin < 10


def test_a_rule_is_in_force_long_before_the_next_regular_call(host_site: Site, peer: Peer) -> None:
    target = host_site.peer(peer.url)
    host_site.settle()
    begin = time.monotonic()
    host_site.rule('PatientID == "nobody"', [target])
    host_site.settle()
    assert time.monotonic() - begin < 10


def test_a_rule_at_series_level_forwards_only_the_series_that_match(
    site: Site, destination: OrthancServer, peer: Peer, tmp_path: Path
) -> None:
    patient = unique("P")
    site.rule(
        f'PatientID == "{patient}" and SeriesNumber == 2',
        [site.modality(destination), site.peer(peer.url), site.dicomweb(destination)],
        level="series",
    )
    site.settle()
    files = make_study(tmp_path, "CT", series=3, instances=2, rows=8, PatientID=patient)
    ident = site.send(files)
    deliveries = site.wait_for(ident, "delivered", "delivered", "delivered")
    assert [d["instance_count"] for d in deliveries] == [2, 2, 2]
    assert set(peer.received) == {path.stem for path in files[2:4]}
    assert destination.instance_counts()[_uid(files)] == 2


@pytest.mark.parametrize("answer", [{"Name": "not a list"}, "text", [{"ID": "x"}]])
def test_a_peer_that_answers_oddly_what_it_has_gets_the_study(
    host_site: Site, peer: Peer, tmp_path: Path, answer: object
) -> None:
    peer.holds = answer
    patient = unique("P")
    host_site.rule(f'PatientID == "{patient}"', [host_site.peer(peer.url)])
    host_site.settle()
    files = make_study(tmp_path, "CR", series=1, instances=1, rows=8, PatientID=patient)
    host_site.wait_for(host_site.send(files), "delivered")


def _orthanc_ids(site: Site, patient: str) -> list[str]:
    query = {"Level": "Study", "Query": {"PatientID": patient}}
    return list(wait_for(lambda: site.orthanc.post("/tools/find", query), "the study is stored"))


def _uid(files: list[Path]) -> str:
    return str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
