"""Orthancs whose HTTP server is set up in another way: the plugin works, or the console says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from testbed.studies import make_study, send_by_cstore
from testbed.versions import OrthancVersion, VersionUnavailableError, ensure
from testbed.waiting import wait_for
from tests.http_server import self_signed
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique

MakeSite = Callable[..., Site]


def test_an_http_server_that_is_off_is_warned_of(
    make_site: MakeSite, host_version: OrthancVersion
) -> None:
    site = make_site(host_version, {"HttpServerEnabled": False})
    site.orthanc.start()
    message = site.wait_for_warning("orthanc_http")
    assert "HttpServerEnabled" in message
    assert "Nothing is forwarded" in message
    assert site.orthanc.stop().exit_code == 0


def test_certificates_that_every_client_must_have_are_warned_of(
    make_site: MakeSite, host_version: OrthancVersion, tmp_path: Path
) -> None:
    certificate = str(self_signed(tmp_path))
    site = make_site(
        host_version,
        {
            "SslEnabled": True,
            "SslCertificate": certificate,
            "SslVerifyPeers": True,
            "SslTrustedClientCertificates": certificate,
        },
    )
    site.orthanc.start()
    assert "SslVerifyPeers" in site.wait_for_warning("orthanc_http")


def test_it_works_where_a_password_is_asked(
    make_site: MakeSite, orthanc_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(orthanc_version, credentials=("alice", "secret"))
    site.start()
    _assert_it_forwards(site, peer, tmp_path)
    address = f"{site.orthanc.http_url}/orthanc-console/status"
    assert requests.get(address, timeout=10).status_code == 401


def test_too_few_http_threads_are_warned_of(
    make_site: MakeSite, host_version: OrthancVersion
) -> None:
    site = make_site(host_version, {"HttpThreadsCount": 1})
    site.orthanc.start()
    assert "HttpThreadsCount" in site.wait_for_warning("http_threads")
    assert site.orthanc.stop().exit_code == 0


def test_it_finds_an_http_server_that_listens_on_another_address(
    make_site: MakeSite, peer: Peer
) -> None:
    try:
        version = ensure("1.13.0")
    except VersionUnavailableError as error:
        pytest.skip(str(error))
    site = make_site(version, {"HttpBindAddresses": ["127.0.0.2"]})
    site.orthanc.start()
    target = site.peer(peer.url)
    wait_for(lambda: site.node()["orthanc_version"], "Orthanc was asked for its version")
    wait_for(
        lambda: site.console.post(f"/destinations/{target['id']}/echo/")["ok"], "the peer answers"
    )
    assert site.warnings() == {}


def test_dicomweb_servers_are_found_where_its_plugin_has_another_root(
    make_site: MakeSite, orthanc_version: OrthancVersion, peer: Peer
) -> None:
    servers = {"web": [f"{peer.url}dicom-web/"]}
    site = make_site(
        orthanc_version, {"DicomWeb": {"Enable": True, "Root": "/wado/", "Servers": servers}}
    )
    site.start()
    wait_for(lambda: "web" in _found(site), "the DICOMweb server is found")


def _found(site: Site) -> set[str]:
    shown = site.console.pages("/destinations/")
    return {each["name"] for each in shown if each["nodes"] == [site.node_id]}


def _assert_it_forwards(site: Site, peer: Peer, folder: Path) -> None:
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    files = make_study(folder / "study", "CT", series=1, instances=2, rows=8, PatientID=patient)
    send_by_cstore(files, "127.0.0.1", site.orthanc.dicom_port, site.orthanc.aet)
    wait_for(lambda: len(peer.received) == 2, "the peer has both images")
    (study,) = wait_for(lambda: _reported(site, patient), "the console shows the study")
    site.wait_for(study["orthanc_id"], "delivered")
    assert site.warnings() == {}


def _reported(site: Site, patient: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.console.get("/studies/", search=patient)["results"]
    return found
