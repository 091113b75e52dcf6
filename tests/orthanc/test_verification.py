"""`verified` is the destination's own word, and what it lost is sent again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique

# Answers success, and drops every tenth image.
FORGETFUL = """
received = 0
function ReceivedInstanceFilter(dicom, origin, info)
  received = received + 1
  return received % 10 ~= 0
end
"""


@pytest.fixture
def forgetful(start_orthanc: Callable[..., OrthancServer], tmp_path: Path) -> OrthancServer:
    script = tmp_path / "forgetful" / "forgetful.lua"
    script.parent.mkdir()
    script.write_text(FORGETFUL)
    return start_orthanc("forgetful", {"LuaScripts": [str(script)]})


@pytest.mark.parametrize(
    ("kind", "verify"),
    [("modality", "count"), ("modality", "instances"), ("peer", "count"), ("dicomweb", "count")],
)
def test_each_kind_of_destination_is_asked_what_it_has(
    site: Site, destination: OrthancServer, tmp_path: Path, kind: str, verify: str
) -> None:
    patient = unique("P")
    makers = {
        "modality": lambda: site.modality(destination, verify=verify),
        "peer": lambda: site.peer(destination.http_url, verify=verify),
        "dicomweb": lambda: site.dicomweb(destination, verify=verify),
    }
    site.rule(f'PatientID == "{patient}"', [makers[kind]()])
    site.settle()
    study = site.send(make_study(tmp_path, series=2, instances=3, PatientID=patient))
    (delivery,) = site.wait_for(study, "verified")
    assert delivery["delivered_count"] == delivery["instance_count"] == 6
    assert delivery["verified_at"] >= delivery["delivered_at"]


def test_storage_commitment_is_asked_for_where_it_is_configured(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    destination.put("/modalities/node", site.orthanc.as_modality())
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.modality(destination, verify="commitment")])
    site.settle()
    study = site.send(make_study(tmp_path, series=1, instances=4, PatientID=patient))
    site.wait_for(study, "verified")


@pytest.mark.parametrize("verify", ["count", "instances"])
def test_what_a_destination_lost_is_noticed_and_sent_again_before_it_is_verified(
    site: Site, forgetful: OrthancServer, tmp_path: Path, verify: str
) -> None:
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.modality(forgetful, verify=verify)])
    site.settle()
    study = site.send(make_study(tmp_path, series=2, instances=20, PatientID=patient))
    (delivery,) = site.wait_for(study, "verified", seconds=60)
    assert sum(forgetful.instance_counts().values()) == 40
    assert delivery["attempts"] >= 2
    events = site.console.pages(f"/studies/{delivery['study']}/timeline/")
    states = [event["data"]["delivery"] for event in events if event["kind"] == "delivery.changed"]
    lost = [state for state in states if "has not" in state["last_error"]]
    assert lost, "nobody noticed that images were lost"
    assert all(state["state"] != "verified" for state in lost)


def test_a_destination_that_cannot_be_asked_leaves_the_delivery_delivered_and_says_why(
    site: Site, start_orthanc: Callable[..., OrthancServer], tmp_path: Path
) -> None:
    closed = start_orthanc(
        "closed",
        {"DicomAlwaysAllowFind": False, "DicomModalities": {"x": ["NOBODY", "127.0.0.1", 104]}},
    )
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.modality(closed, verify="instances")])
    site.settle()
    study = site.send(make_study(tmp_path, series=1, instances=2, PatientID=patient))
    site.wait_for(study, "delivered")
    said = wait_for(lambda: site.deliveries(study)[0]["last_error"], "it is said why")
    assert said.startswith("Delivered, but not verified yet")
    assert site.deliveries(study)[0]["state"] == "delivered"
