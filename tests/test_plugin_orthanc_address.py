from __future__ import annotations

from typing import Any

import pytest

from orthanc_console.plugin.orthanc_client import address


@pytest.mark.parametrize(
    ("configuration", "base"),
    [
        ({}, "http://127.0.0.1:8042"),
        ({"HttpPort": 9000}, "http://127.0.0.1:9000"),
        ({"SslEnabled": True, "HttpPort": 443}, "https://127.0.0.1:443"),
        ({"HttpBindAddresses": ["127.0.0.1", "10.0.0.5"]}, "http://127.0.0.1:8042"),
        ({"HttpBindAddresses": ["0.0.0.0"]}, "http://127.0.0.1:8042"),  # noqa: S104
        ({"HttpBindAddresses": ["10.0.0.5"]}, "http://10.0.0.5:8042"),
        ({"HttpBindAddresses": ["fd00::5"]}, "http://[fd00::5]:8042"),
    ],
)
def test_it_finds_orthancs_http_server(configuration: dict[str, Any], base: str) -> None:
    found = address(configuration)
    assert found.base == base
    assert found.problem == ""


@pytest.mark.parametrize(
    ("configuration", "setting"),
    [
        ({"HttpServerEnabled": False}, "HttpServerEnabled"),
        ({"SslEnabled": True, "SslVerifyPeers": True}, "SslVerifyPeers"),
    ],
)
def test_it_says_what_is_wrong_where_it_cannot_work(
    configuration: dict[str, Any], setting: str
) -> None:
    found = address(configuration)
    assert found.base == ""
    assert setting in found.problem


@pytest.mark.parametrize(
    ("configuration", "root"),
    [
        ({}, "/dicom-web/"),
        ({"DicomWeb": {}}, "/dicom-web/"),
        ({"DicomWeb": {"Root": "/wado/"}}, "/wado/"),
        ({"DicomWeb": {"Root": "a/b"}}, "/a/b/"),
        ({"DicomWeb": {"Root": "/"}}, "/dicom-web/"),
    ],
)
def test_it_finds_the_routes_of_the_dicomweb_plugin(
    configuration: dict[str, Any], root: str
) -> None:
    assert address(configuration).dicomweb == root
