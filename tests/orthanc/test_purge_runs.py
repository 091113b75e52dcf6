from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.purging import (
    policy,
    run_now,
    seen,
    start,
    store,
    stored,
    studies_of,
    wait_for_end,
    wait_for_state,
    wait_until_stable,
)
from tests.orthanc.site import Site, unique


def test_a_run_deletes_what_is_old_and_tells_why_it_keeps_the_rest(
    site: Site, tmp_path: Path
) -> None:
    old = store(site, tmp_path, "20190101", AccessionNumber="123", instances=3)
    new = store(site, tmp_path, "20261101")
    undated = store(site, tmp_path, "")
    protected = store(site, tmp_path, "20190101")
    patient = site.orthanc.get(f"/studies/{protected}")["ParentPatient"]
    site.orthanc.request("PUT", f"/patients/{patient}/protected", data="1")
    wait_until_stable(site, old, new, undated, protected)
    with policy(site) as made:
        run = run_now(site, made)
        assert (run["state"], run["deleted_count"], run["failed_count"]) == ("done", 1, 0)
        outcomes = studies_of(site, run)
        assert outcomes[old] == ("deleted", "")
        assert outcomes[new] == ("kept", "too_young")
        assert outcomes[undated] == ("kept", "undated")
        assert outcomes[protected] == ("kept", "protected")
        assert run["bytes_freed"] > 0
    assert old not in stored(site)
    assert {new, undated, protected} <= stored(site)
    (found,) = [
        line
        for line in site.console.pages("/purged-studies/", search="123")
        if line["orthanc_id"] == old
    ]
    assert (found["outcome"], found["instance_count"], found["modalities"]) == (
        "deleted",
        3,
        ["CT"],
    )
    assert found["policy_name"] == made["name"]


def test_a_plan_tells_what_is_in_a_study(site: Site, tmp_path: Path) -> None:
    identifiers = {"StudyInstanceUID": str(generate_uid()), "PatientID": unique("patient")}
    for modality, series in (("CT", 2), ("MR", 1)):
        values = {**identifiers, "StudyDate": "20190101", "instances": 3, "rows": 8}
        study = site.send(make_study(tmp_path / modality, modality, series=series, **values))
    wait_until_stable(site, study)
    with policy(site, enforcement="dry_run") as made:
        run = run_now(site, made)
    lines = site.console.pages(f"/purge-runs/{run['id']}/studies/")
    (line,) = (line for line in lines if line["orthanc_id"] == study)
    assert line["outcome"] == "planned"
    assert line["modalities"] == ["CT", "MR"]
    assert (line["series_count"], line["instance_count"]) == (3, 9)


def test_a_held_run_can_be_looked_at_changed_and_cancelled(site: Site, tmp_path: Path) -> None:
    studies = [store(site, tmp_path, "20190101") for _ in range(3)]
    wait_until_stable(site, *studies)
    with policy(site, hold_minutes=60, expression='StudyDate == d"2019-01-01"') as made:
        run = start(site, made)
        held = wait_for_state(site, run, "held")
        assert held["planned_count"] >= 3
        site.console.post(f"/purge-runs/{run['id']}/keep/", {"studies": [studies[0]]})
        wait_for(lambda: seen(site, run)["planned_count"] < held["planned_count"], "it is changed")
        assert studies_of(site, run)[studies[0]] == ("kept", "by_hand")
        site.console.post(f"/purge-runs/{run['id']}/cancel/", {})
        ended = wait_for_end(site, run)
        assert (ended["state"], ended["deleted_count"]) == ("cancelled", 0)
        assert studies_of(site, run)[studies[1]] == ("kept", "cancelled")
    assert set(studies) <= stored(site)


def test_a_dry_run_plans_and_deletes_nothing(site: Site, tmp_path: Path) -> None:
    study = store(site, tmp_path, "20190101")
    wait_until_stable(site, study)
    with policy(site, enforcement="dry_run") as made:
        run = run_now(site, made)
        assert run["dry_run"] and run["planned_count"] >= 1 and run["deleted_count"] == 0
        assert studies_of(site, run)[study] == ("planned", "")
    assert study in stored(site)


def test_a_preview_makes_nothing(site: Site, tmp_path: Path) -> None:
    study = store(site, tmp_path, "20190101")
    wait_until_stable(site, study)
    with policy(site) as made:
        shown = site.console.post(f"/purge-policies/{made['id']}/preview/", {})
        assert shown["planned_count"] >= 1
        assert study in {line["study"] for line in shown["nodes"][0]["studies"]}
        assert not list(site.console.pages("/purge-runs/", policy=made["id"]))
    assert study in stored(site)


def test_an_approved_run_begins_and_the_first_person_cannot_approve(
    site: Site, tmp_path: Path
) -> None:
    study = store(site, tmp_path, "20190101")
    wait_until_stable(site, study)
    with policy(site, needs_approval=True) as made:
        run = start(site, made)
        wait_for_state(site, run, "held")
        answer = site.console.request("POST", f"/purge-runs/{run['id']}/approve/", json={})
        assert answer.status_code == 400
        assert study in stored(site)


def test_a_limit_of_studies_deletes_the_oldest_first(site: Site, tmp_path: Path) -> None:
    dates = ("20150101", "20140101", "20160101")
    studies = [store(site, tmp_path, date, StudyID="limit") for date in dates]
    wait_until_stable(site, *studies)
    with policy(site, expression='StudyID == "limit"', max_studies_per_run=2) as made:
        run = run_now(site, made)
        outcomes = studies_of(site, run)
    assert [outcomes[study] for study in studies] == [
        ("deleted", ""),
        ("deleted", ""),
        ("kept", "capped"),
    ]


def test_a_policy_that_reads_labels_refuses_where_there_are_none(
    site: Site, tmp_path: Path
) -> None:
    study = store(site, tmp_path, "20190101")
    wait_until_stable(site, study)
    with policy(site, keep_labels=["keep"]) as made:
        run = run_now(site, made)
        if "labels" in site.plugin()["capabilities"]:
            assert run["state"] == "done"
            return
        assert run["state"] == "refused"
        assert "labels" in run["detail"]
        assert "labels" in site.wait_for_warning("purge_refused")
    assert study in stored(site)


@pytest.fixture(autouse=True)
def _clean(site: Site) -> None:
    for study in stored(site):
        patient = site.orthanc.get(f"/studies/{study}")["ParentPatient"]
        site.orthanc.request("PUT", f"/patients/{patient}/protected", data="0")
        site.orthanc.request("DELETE", f"/studies/{study}")


def test_only_what_a_destination_has_is_deleted_and_the_history_says_where_it_is(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    pacs, accession = site.modality(destination, verify="instances"), unique("A")
    site.rule('StudyID == "forward"', [pacs])
    site.settle()
    forwarded = store(site, tmp_path, "20190101", StudyID="forward", AccessionNumber=accession)
    elsewhere = store(site, tmp_path, "20190101", StudyID="stays")
    site.wait_for(forwarded, "verified")
    site.wait_for_study(elsewhere)
    with policy(site, require_delivered_to=[pacs["id"]]) as made:
        run = run_now(site, made)
        assert studies_of(site, run) == {
            forwarded: ("deleted", ""),
            elsewhere: ("kept", "not_verified"),
        }
        answer = site.console.request("DELETE", f"/destinations/{pacs['id']}/")
        assert answer.status_code == 400
    (line,) = site.console.pages("/purged-studies/", search=accession)
    (proof,) = line["verified"]
    assert (proof["name"], proof["at"] is not None) == (pacs["name"], True)
    assert (line["run"], line["policy_name"]) == (run["id"], made["name"])


def test_a_study_that_comes_again_is_forwarded_by_the_rules_again(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    study = store(site, tmp_path, "20190101", StudyID="again")
    site.wait_for_study(study)
    wait_until_stable(site, study)
    with policy(site, expression='StudyID == "again"') as made:
        assert run_now(site, made)["deleted_count"] == 1
    site.rule('StudyID == "again"', [site.modality(destination)])
    site.settle()
    (folder,) = tmp_path.iterdir()
    assert site.send(sorted(folder.iterdir())) == study
    site.wait_for(study, "delivered")
