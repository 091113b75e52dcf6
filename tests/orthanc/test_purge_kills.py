"""A run that is killed goes on: it deletes exactly what it should, and history and Orthanc agree."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from testbed.console import ConsoleServer
from testbed.studies import make_study, send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.purging import policy, seen, start, stored, studies_of, wait_for_end
from tests.orthanc.site import Site

KILLS = 10
DUE, KEPT = 300, 20
# Slow enough for ten kills in one run.
PER_MINUTE = 2400


def fill(site: Site, folder: Path) -> tuple[set[str], set[str]]:
    """Store studies that are due and some that are not."""
    due, kept = set(), set()
    for number in range(DUE + KEPT):
        old = number < DUE
        files = make_study(
            folder / "files",
            series=1,
            instances=1,
            rows=8,
            PatientID=f"kill-{number}",
            StudyDate="20190101" if old else "20261101",
        )
        study = send_by_rest(files, site.orthanc.http_url)[0]["ParentStudy"]
        (due if old else kept).add(study)
    wait_for(
        lambda: all(study["IsStable"] for study in site.orthanc.get("/studies?expand")),
        "all are stable",
    )
    return due, kept


def check(site: Site, run: dict[str, object], due: set[str], kept: set[str]) -> None:
    ended = wait_for_end(site, run, 90)
    assert (ended["state"], ended["deleted_count"], ended["failed_count"]) == ("done", DUE, 0)
    assert stored(site) == kept
    outcomes = studies_of(site, run)
    assert {study for study, (outcome, _why) in outcomes.items() if outcome == "deleted"} == due
    assert {study for study, (outcome, _why) in outcomes.items() if outcome == "kept"} == kept


def kill(console: ConsoleServer) -> None:
    """Kill the server and the process of it that answers, which would live on for a moment."""
    children = Path(f"/proc/{console.pid}/task/{console.pid}/children").read_text().split()
    console.kill()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def wait_for_progress(site: Site, run: dict[str, object], at_least: int) -> None:
    wait_for(
        lambda: seen(site, run)["deleted_count"] >= at_least or seen(site, run)["finished_at"],
        f"{at_least} are deleted",
        60,
        0.02,
    )


def test_orthanc_is_killed_ten_times(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, tmp_path: Path
) -> None:
    site = make_site(orthanc_version)
    site.start()
    due, kept = fill(site, tmp_path)
    chance = random.Random(5)
    killed = 0
    with policy(site, studies_per_minute=PER_MINUTE) as made:
        run = start(site, made)
        for number in range(KILLS):
            wait_for_progress(site, run, (number + 1) * DUE // (KILLS + 4))
            time.sleep(chance.uniform(0, 0.06))
            killed += seen(site, run)["state"] == "running"
            site.orthanc.kill()
            site.orthanc.start()
        check(site, run, due, kept)
    assert killed == KILLS


def test_the_console_is_killed_ten_times(
    make_site: Callable[..., Site],
    console: ConsoleServer,
    host_version: OrthancVersion,
    tmp_path: Path,
) -> None:
    site = make_site(host_version, console=console)
    site.start()
    due, kept = fill(site, tmp_path)
    chance = random.Random(6)
    with policy(site, studies_per_minute=PER_MINUTE) as made:
        run = start(site, made)
        for number in range(KILLS):
            wait_for_progress(site, run, (number + 1) * DUE // (KILLS * 3))
            time.sleep(chance.uniform(0, 0.06))
            kill(console)
            console.start()
        check(site, run, due, kept)
