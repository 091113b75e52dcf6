"""Real Orthancs list their studies as the plugin expects when it looks for those that were deleted."""

from __future__ import annotations

from pathlib import Path

from orthanc_console.plugin.orthanc_client import Address, OrthancClient
from orthanc_console.plugin.state import State
from routing.plugin.departures import EVERY, Departures
from routing.plugin.store import SCHEMA
from testbed.studies import make_study
from tests.orthanc.site import Site


def test_the_study_that_was_deleted_is_found_among_those_that_are_there(
    site: Site, tmp_path: Path
) -> None:
    kept, gone = (
        site.send(make_study(tmp_path / name, "CT", series=1, instances=1, rows=8))
        for name in ("kept", "gone")
    )
    site.orthanc.delete(f"/studies/{gone}")
    state = State(tmp_path / "state", [SCHEMA])
    with state.transaction() as db:
        rows = [(kept,), (gone,)]
        db.executemany("INSERT INTO study VALUES (?, x'00', 1)", rows)
    looking = Departures(state, OrthancClient(Address(site.orthanc.http_url), ""))
    while looking.step() < EVERY / 2:
        pass
    told = [(each["kind"], each["data"]) for each in state.waiting_events(10, 10**6)]
    assert told == [("study.deleted", {"study": gone})]
