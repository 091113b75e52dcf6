"""What tests of purging do at a site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testbed.studies import make_study
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique

Run = dict[str, Any]
OPEN = ("requested", "planning", "held", "running")


def store(site: Site, folder: Path, study_date: str, **tags: Any) -> str:
    """Store a small study of that date; returns its Orthanc identifier."""
    values = {"PatientID": unique("patient"), "StudyDate": study_date, **tags}
    series, instances = values.pop("series", 1), values.pop("instances", 1)
    folder = folder / unique("study")
    return site.send(make_study(folder, series=series, instances=instances, rows=8, **values))


def wait_until_stable(site: Site, *studies: str) -> None:
    """Wait until Orthanc takes no more images of these studies."""
    for study in studies:
        wait_for(
            lambda study=study: site.orthanc.get(f"/studies/{study}")["IsStable"],
            f"{study} is stable",
            interval=0.05,
        )


@contextmanager
def policy(site: Site, **values: Any) -> Iterator[dict[str, Any]]:
    """A policy for this site's node alone, for as long as the block lasts."""
    defaults = {
        "name": unique("policy"),
        "enforcement": "active",
        "expression": "true",
        "older_than_days": 365,
        "min_days_since_received": 0,
        "hold_minutes": 0,
        "studies_per_minute": 0,
        "nodes": [site.node_id],
    }
    made = site.console.post("/purge-policies/", {**defaults, **values})
    yield made
    for run in site.console.pages("/purge-runs/", policy=made["id"]):
        if run["state"] in OPEN:
            site.console.post(f"/purge-runs/{run['id']}/cancel/", {})
            wait_for_end(site, run)
    site.console.request("DELETE", f"/purge-policies/{made['id']}/")


def start(site: Site, made: dict[str, Any]) -> Run:
    run: Run = site.console.post(f"/purge-policies/{made['id']}/run/", {})["runs"][0]
    return run


def seen(site: Site, run: Run) -> Run:
    shown: Run = site.console.get(f"/purge-runs/{run['id']}/")
    return shown


def wait_for_state(site: Site, run: Run, *states: str, seconds: float = 30) -> Run:
    wait_for(lambda: seen(site, run)["state"] in states, f"the run is {states}", seconds, 0.05)
    return seen(site, run)


def wait_for_end(site: Site, run: Run, seconds: float = 30) -> Run:
    ended = wait_for_state(site, run, "done", "cancelled", "refused", "skipped", seconds=seconds)
    # Its studies are reported together with the end, or before it.
    return ended


def run_now(site: Site, made: dict[str, Any]) -> Run:
    """Run the policy and wait for the end."""
    return wait_for_end(site, start(site, made))


def studies_of(site: Site, run: Run) -> dict[str, tuple[str, str]]:
    """By Orthanc identifier: what became of each study in the run, and why."""
    lines = site.console.pages(f"/purge-runs/{run['id']}/studies/")
    return {line["orthanc_id"]: (line["outcome"], line["reason"]) for line in lines}


def stored(site: Site) -> set[str]:
    return set(site.orthanc.get("/studies"))
