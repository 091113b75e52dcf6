"""A destination takes studies only in its hours; what comes outside them is held until they begin or are changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from routing import hours
from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def tomorrow() -> str:
    """Hours of which none is today, by the clock of this machine, where the node runs."""
    return f"{hours.DAYS[(datetime.now() + timedelta(days=1)).weekday()]} 12:00-13:00"


def test_what_comes_outside_the_hours_is_held_and_goes_when_they_are_changed(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    patient = unique("P")
    pacs = site.modality(destination, hours=tomorrow())
    site.rule(f'PatientID == "{patient}"', [pacs])
    site.settle()
    study = site.send(make_study(tmp_path, series=1, instances=2, rows=8, PatientID=patient))
    [held] = site.wait_for(study, "held")
    assert held["reason"] == "outside_hours"
    begins = datetime.fromisoformat(held["next_attempt_at"])
    assert (begins - datetime.now(begins.tzinfo)) < timedelta(days=2)
    wait_for(
        lambda: site.console.get("/lanes/", destination=pacs["id"])["results"][0]["waiting"] == 1,
        "the lane shows what it holds",
    )
    [lane] = site.console.get("/lanes/", destination=pacs["id"])["results"]
    assert lane["state"] == "held"
    site.console.request("PATCH", f"/destinations/{pacs['id']}/", json={"hours": ""})
    [delivery] = site.wait_for(study, "delivered")
    assert delivery["reason"] == ""
