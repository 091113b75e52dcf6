"""The console's destinations are written into Orthanc, and nothing else there is touched."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique

LISTS = {"modality": "/modalities", "peer": "/peers", "dicomweb": "/dicom-web/servers"}


def test_they_are_written_on_change_renamed_and_removed(
    site: Site, destination: OrthancServer
) -> None:
    made = [
        site.modality(destination),
        site.peer(f"{destination.http_url}/"),
        site.dicomweb(destination),
    ]
    for each in made:
        _wait_until_written(site, each["kind"], each["name"])
    modality = site.orthanc.get("/modalities?expand")[made[0]["name"]]
    assert (modality["AET"], modality["Port"]) == ("DESTINATION", destination.dicom_port)
    assert site.orthanc.get("/peers?expand")[made[1]["name"]]["Url"] == f"{destination.http_url}/"

    for each in made:
        renamed = unique("renamed")
        site.console.patch(f"/destinations/{each['id']}/", {"name": renamed})
        _wait_until_written(site, each["kind"], renamed)
        _wait_until_gone(site, each["kind"], each["name"])
        site.console.delete(f"/destinations/{each['id']}/")
        _wait_until_gone(site, each["kind"], renamed)


def test_a_changed_address_is_used_from_then_on(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    target = site.modality(destination, port=1, name=unique("moving"))
    site.rule(f'PatientID == "{patient}"', [target])
    site.settle()
    ident = site.send(make_study(tmp_path, "CT", series=1, instances=1, rows=8, PatientID=patient))
    site.wait_for(ident, "waiting")
    wait_for(lambda: _health(site, target) == "failing", "the destination is failing")
    site.console.patch(f"/destinations/{target['id']}/", {"port": destination.dicom_port})
    site.wait_for(ident, "delivered")
    wait_for(lambda: _health(site, target) == "ok", "the destination is in order")


def test_they_are_written_again_when_orthanc_starts(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, destination: OrthancServer
) -> None:
    site = make_site(orthanc_version)
    target = site.modality(destination)
    site.start()
    _wait_until_written(site, "modality", target["name"])
    site.orthanc.kill()
    site.console.patch(f"/destinations/{target['id']}/", {"aet": "CHANGED"})
    site.orthanc.start()
    _wait_until_written(site, "modality", target["name"])
    wait_for(
        lambda: site.orthanc.get("/modalities?expand")[target["name"]]["AET"] == "CHANGED",
        "the change that was made meanwhile is written",
    )


def test_one_that_was_removed_does_not_come_back_as_one_of_orthancs_own(
    site: Site, destination: OrthancServer
) -> None:
    target = site.modality(destination)
    site.settle()
    _wait_until_written(site, "modality", target["name"])
    site.console.delete(f"/destinations/{target['id']}/")
    _wait_until_gone(site, "modality", target["name"])
    later = site.modality(destination)
    _wait_until_written(site, "modality", later["name"])
    site.settle()
    names = [each["name"] for each in site.console.pages("/destinations/")]
    assert target["name"] not in names


def test_a_name_that_orthanc_has_with_another_address_is_left_alone_and_shown(
    make_site: Callable[..., Site], host_version: OrthancVersion, destination: OrthancServer
) -> None:
    site = make_site(host_version, {"DicomModalities": {"PACS": ["THEIRS", "10.0.0.5", 104]}})
    target = site.modality(destination, name="PACS")
    site.start()
    problem = wait_for(lambda: _shown(site, target)["last_error"], "the problem is shown")
    assert "already has a modality named PACS" in problem
    assert _shown(site, target)["health"] == "failing"
    assert site.orthanc.get("/modalities?expand")["PACS"]["AET"] == "THEIRS"
    echo = site.console.post(f"/destinations/{target['id']}/echo/")
    assert not echo["ok"]
    assert "already has a modality" in echo["detail"]

    site.orthanc.delete("/modalities/PACS")
    wait_for(lambda: not _shown(site, target)["last_error"], "the problem is over", 15)
    assert site.orthanc.get("/modalities?expand")["PACS"]["AET"] == "DESTINATION"
    assert site.console.post(f"/destinations/{target['id']}/echo/")["ok"]


def test_one_that_orthanc_has_already_with_the_same_address_is_used_as_it_is(
    make_site: Callable[..., Site],
    host_version: OrthancVersion,
    destination: OrthancServer,
    tmp_path: Path,
) -> None:
    own = {
        "AET": destination.aet,
        "Host": "127.0.0.1",
        "Port": destination.dicom_port,
        "Timeout": 7,
    }
    site = make_site(host_version, {"DicomModalities": {"PACS": own}})
    target = site.modality(destination, name="PACS")
    rule = site.rule("true", [target])
    site.start()
    ident = site.send(make_study(tmp_path, "CT", series=1, instances=1, rows=8))
    site.wait_for(ident, "delivered")
    assert _named(site, "PACS") == [target["id"]]
    site.console.delete(f"/rules/{rule['id']}/")
    site.console.delete(f"/destinations/{target['id']}/")
    wait_for(lambda: _named(site, "PACS"), "it shows as one of Orthanc's own", 15)
    assert site.orthanc.get("/modalities?expand")["PACS"]["Timeout"] == 7


def _named(site: Site, name: str) -> list[int]:
    shown = site.console.pages("/destinations/")
    return [d["id"] for d in shown if d["name"] == name and site.node_id in d["nodes"]]


def test_the_password_reaches_the_peer(site: Site, peer: Peer, tmp_path: Path) -> None:
    patient = unique("P")
    target = site.peer(peer.url, username="alice", password="Geheim: ü%20")
    site.rule(f'PatientID == "{patient}"', [target])
    site.settle()
    ident = site.send(make_study(tmp_path, "CT", series=1, instances=1, rows=8, PatientID=patient))
    site.wait_for(ident, "delivered")
    expected = base64.b64encode("alice:Geheim: ü%20".encode()).decode()
    assert peer.authorizations == {f"Basic {expected}"}


def _wait_until_written(site: Site, kind: str, name: str) -> None:
    wait_for(lambda: name in site.orthanc.get(LISTS[kind]), f"Orthanc has {name}", 10, 0.05)


def _wait_until_gone(site: Site, kind: str, name: str) -> None:
    wait_for(lambda: name not in site.orthanc.get(LISTS[kind]), f"{name} is gone", 10, 0.05)


def _shown(site: Site, target: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = site.console.get(f"/destinations/{target['id']}/")
    return shown


def _health(site: Site, target: dict[str, Any]) -> str:
    return str(_shown(site, target)["health"])
