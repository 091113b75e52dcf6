"""`GET /orthanc-console/status` inside Orthanc."""

from __future__ import annotations

import pytest

from testbed.orthanc import OrthancServer
from testbed.waiting import wait_for
from tests.orthanc.site import Site

PATH = "/orthanc-console/status"


def test_it_tells_versions_lanes_queues_and_the_last_sync(
    site: Site, destination: OrthancServer
) -> None:
    target = site.modality(destination)
    site.settle()
    status = wait_for(
        lambda: (now := site.plugin()).get("orthanc_version") and now, "Orthanc was asked"
    )
    assert status["orthanc_version"] == site.orthanc.version.full_number()
    assert status["python_version"].startswith("3.")
    assert status["python_plugin_version"]
    assert status["plugin_version"] == site.node()["plugin_version"]
    assert (status["dicom_aet"], status["dicom_port"]) == ("NODE", site.orthanc.dicom_port)
    assert status["settings"]["StableAge"] == 1
    assert "dicomweb" in status["capabilities"]
    (lane,) = (each for each in status["lanes"] if each["destination"] == target["id"])
    assert (lane["waiting"], lane["in_flight"]) == (0, 0)
    assert status["outbox"] == 0
    assert status["last_sync_at"]
    assert status["warnings"] == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(site: Site, method: str) -> None:
    answer = site.orthanc.request(method, PATH, data="{}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
