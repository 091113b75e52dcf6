"""What Orthanc has by itself shows in the console, marked so, and can be sent to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique

Destination = dict[str, Any]


def test_destinations_of_orthanc_appear_follow_its_changes_and_vanish(
    make_site: Callable[..., Site],
    orthanc_version: OrthancVersion,
    destination: OrthancServer,
    tmp_path: Path,
) -> None:
    site = make_site(
        orthanc_version,
        {
            "DicomModalities": {"pacs": destination.as_modality(), "old": ["OLD", "10.0.0.9", 104]},
            "OrthancPeers": {"peer": [destination.http_url, "alice", "secret"]},
            "DicomWeb": {
                "Enable": True,
                "Root": "/dicom-web/",
                "Servers": {"web": destination.as_dicomweb()},
            },
        },
    )
    site.start()
    found = wait_for(lambda: _found(site, 4), "four destinations are found")
    pacs = found["modality", "pacs"]
    assert [pacs["aet"], pacs["host"], pacs["port"]] == destination.as_modality()
    assert found["peer", "peer"]["url"].rstrip("/") == destination.http_url
    assert found["peer", "peer"]["username"] == "alice"
    assert found["dicomweb", "web"]["url"] == f"{destination.http_url}/dicom-web/"
    assert {each["source"] for each in found.values()} == {"orthanc"}
    assert {tuple(each["nodes"]) for each in found.values()} == {(site.node_id,)}

    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [pacs, found["dicomweb", "web"]])
    site.settle()
    ident = site.send(
        make_study(tmp_path / "s", "CT", series=1, instances=2, rows=8, PatientID=patient)
    )
    site.wait_for(ident, "delivered", "delivered")

    site.orthanc.delete("/modalities/old")
    site.orthanc.put("/modalities/pacs", {"AET": "MOVED", "Host": "10.0.0.8", "Port": 11112})
    site.orthanc.put("/modalities/new", {"AET": "NEW", "Host": "10.0.0.7", "Port": 104})
    # Orthanc is asked every 10 seconds, and at once when the console's destinations change.
    site.modality(destination)
    wait_for(lambda: ("modality", "new") in _found(site), "the new one is found")
    found = _found(site)
    assert ("modality", "old") not in found
    moved = found["modality", "pacs"]
    assert moved["id"] == pacs["id"]
    assert (moved["aet"], moved["host"], moved["port"]) == ("MOVED", "10.0.0.8", 11112)


def test_studies_wait_for_one_that_orthanc_lost_for_a_while(
    host_site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    site = host_site
    name, patient = unique("pacs"), unique("P")
    address = dict(zip(("AET", "Host", "Port"), destination.as_modality(), strict=True))
    site.orthanc.put(f"/modalities/{name}", address)
    key = ("modality", name)
    wait_for(lambda: key in _found(site), "it is found", 20)
    site.rule(f'PatientID == "{patient}"', [_found(site)[key]])
    site.settle()
    site.orthanc.delete(f"/modalities/{name}")
    wait_for(lambda: key not in _found(site), "it is known to be gone", 20)
    study = site.send(make_study(tmp_path / "s", "CT", instances=2, rows=8, PatientID=patient))
    (held,) = site.wait_for(study, "held")
    assert held["reason"] == "destination_gone"
    site.orthanc.put(f"/modalities/{name}", address)
    site.wait_for(study, "delivered", seconds=30)


def _found(site: Site, at_least: int = 0) -> dict[tuple[str, str], Destination]:
    """Those that Orthanc has now, by kind and name; empty if they are fewer than that."""
    destinations = [
        each
        for each in site.console.pages("/destinations/")
        if each["nodes"] == [site.node_id] and each["gone_at"] is None
    ]
    if len(destinations) < at_least:
        return {}
    return {(each["kind"], each["name"]): each for each in destinations}
