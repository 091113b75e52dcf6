"""`/purge-old-studies`, as scripts call it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from testbed.waiting import wait_for
from tests.orthanc.purging import policy, seen, store, stored, wait_until_stable
from tests.orthanc.site import Site

ROUTE = "/purge-old-studies"
BAD_DATES = [
    *("", "2020", "202001", "2020010", "202001011", "20201301", "20200001", "20200100"),
    *("20200132", "20200230", "20190229", "20200431", "00000000", "00010100", "99999999"),
    *("2020-01-01", "2020/01/01", "01.01.2020", "1 Jan 2020", "today", "yesterday", "null"),
    *("-20200101", "+20200101", " 20200101", "20200101 ", "2020 0101", "20200101Z", "2O2OO1O1"),
    *("20200101-20201231", "20200101\\20200102", "*", "?", "2020*", "0x13443E5", "2.02e7"),
    *("٢٠٢٠٠١٠١", "²⁰²⁰⁰¹⁰¹", "20200101'", "' OR 1=1 --", "<script>", "%", "\n20200101"),
]
BAD_BODIES: list[Any] = [
    *(b"", b"{}", b"[]", b"null", b"20200101", b'{"since": 20200101}', b'{"since": null}'),
    *(b'{"since": ["20200101"]}', b'{"Since": "20200101"}', b'{"since": "20201301"}'),
    *(b"since=", b"since=2020", b"\xff\xfe", b'{"since": "20200101"', b"date=20200101"),
]


def call(site: Site, method: str = "GET", **options: Any) -> tuple[int, str]:
    answer = site.orthanc.session.request(
        method, f"{site.orthanc.http_url}{ROUTE}", timeout=60, **options
    )
    answer.encoding = "utf-8"
    return answer.status_code, answer.text


@pytest.fixture
def studies(site: Site, tmp_path: Path) -> dict[str, str]:
    for study in stored(site):
        site.orthanc.request("DELETE", f"/studies/{study}")
    dates = ("20191231", "20200101", "20200102", "")
    made = {date: store(site, tmp_path, date) for date in dates}
    for study in made.values():
        # What the rules have not decided about yet is kept.
        wait_for(lambda study=study: site.study(study), "the rules have decided")  # type: ignore[misc]
    return made


def test_it_deletes_up_to_and_with_that_day(site: Site, studies: dict[str, str]) -> None:
    status, text = call(site, params={"since": "20200101"})
    assert status == 200
    assert "2 studies" in text
    assert stored(site) == {studies["20200102"], studies[""]}
    run = wait_for(
        lambda: next(
            (
                run
                for run in site.console.pages("/purge-runs/", node=site.node_id, cause="endpoint")
                if run["state"] == "done" and run["deleted_count"] == 2
            ),
            None,
        ),
        "the console shows the run",
    )
    assert run["policy"] is None


@pytest.mark.parametrize(
    "options", [{"json": {"since": "20200101"}}, {"data": {"since": "20200101"}}]
)
def test_post_does_the_same(options: dict[str, Any], site: Site, studies: dict[str, str]) -> None:
    status, text = call(site, "POST", **options)
    assert (status, "2 studies" in text) == (200, True)
    assert stored(site) == {studies["20200102"], studies[""]}


def test_malformed_calls_are_refused_and_delete_nothing(
    site: Site, studies: dict[str, str]
) -> None:
    answers = [call(site, params={"since": date}) for date in BAD_DATES]
    answers += [call(site), call(site, params={"until": "20200101"})]
    answers += [call(site, "POST", data=body) for body in BAD_BODIES]
    assert len(answers) >= 50
    assert {status for status, _text in answers} == {400}
    assert all("Nothing was deleted" in text for _status, text in answers)
    methods = [call(site, method, params={"since": "20200101"})[0] for method in ("PUT", "DELETE")]
    assert methods == [405, 405]
    assert stored(site) == set(studies.values())


def test_protected_patients_and_live_deliveries_are_kept(
    site: Site, studies: dict[str, str], tmp_path: Path
) -> None:
    dead = site.destination("modality", aet="DEAD", host="127.0.0.1", port=1)
    site.rule('StudyID == "forward"', [dead])
    site.settle()
    waiting = store(site, tmp_path, "20190101", StudyID="forward")
    site.wait_for(waiting, "waiting")
    patient = site.orthanc.get(f"/studies/{studies['20191231']}")["ParentPatient"]
    site.orthanc.request("PUT", f"/patients/{patient}/protected", data="1")
    wait_until_stable(site, *studies.values())
    wait_for(lambda: call(site, params={"since": "20200101"})[0] == 200, "it answers")
    assert stored(site) == {waiting, studies["20191231"], studies["20200102"], studies[""]}
    site.orthanc.request("PUT", f"/patients/{patient}/protected", data="0")


def test_labels_of_policies_are_kept(site: Site, studies: dict[str, str]) -> None:
    if "labels" not in site.plugin()["capabilities"]:
        with policy(site, keep_labels=["teaching"]):
            site.settle()
            assert call(site, params={"since": "20200101"})[0] == 200
        return
    labelled = studies["20191231"]
    site.orthanc.request("PUT", f"/studies/{labelled}/labels/teaching").raise_for_status()
    with policy(site, keep_labels=["teaching"]):
        site.settle()
        assert call(site, params={"since": "20200101"})[0] == 200
    assert labelled in stored(site) and studies["20200101"] not in stored(site)


def test_it_can_be_switched_off(site: Site, studies: dict[str, str]) -> None:
    url = "/purge-settings/"
    site.console.request("PATCH", url, json={"endpoint_enabled": False}).raise_for_status()
    try:
        site.settle()
        assert call(site, params={"since": "20200101"})[0] == 403
        assert stored(site) == set(studies.values())
    finally:
        site.console.request("PATCH", url, json={"endpoint_enabled": True}).raise_for_status()
        site.settle()


def test_many_calls_at_once_do_not_hold_orthanc_up(site: Site, studies: dict[str, str]) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(call_alone(site)),
        )
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    assert site.orthanc.get("/system")["Name"]
    for thread in threads:
        thread.join(60)
    assert len(statuses) == 20
    assert set(statuses) <= {200, 503} and 200 in statuses
    assert stored(site) == {studies["20200102"], studies[""]}


def call_alone(site: Site) -> int:
    url = f"{site.orthanc.http_url}{ROUTE}?since=20200101"
    return requests.get(url, timeout=60).status_code


def test_a_call_overtakes_a_run_that_is_slow(
    site: Site, studies: dict[str, str], tmp_path: Path
) -> None:
    slow = [store(site, tmp_path, "20250101", StudyID="slow") for _ in range(3)]
    wait_until_stable(site, *slow)
    with policy(site, expression='StudyID == "slow"', studies_per_minute=1) as made:
        run = site.console.post(f"/purge-policies/{made['id']}/run/", {})["runs"][0]
        wait_for(lambda: seen(site, run)["deleted_count"] == 1, "the first one is gone")
        assert call(site, params={"since": "20200101"})[0] == 200
        assert seen(site, run)["deleted_count"] == 1
    assert len(stored(site) & set(slow)) == 2
