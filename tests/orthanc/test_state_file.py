"""A state file that cannot be used: what is left of it is kept, the console warns, and no study is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from testbed.studies import make_study, send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique

FILE_NAME = "orthanc-console.db"


def test_a_corrupt_file_is_kept_aside_and_what_was_unfinished_is_sent(
    make_site: Callable[..., Site], host_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(host_version)
    site.start()
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    done = [_study(tmp_path, patient) for _ in range(2)]
    for files in done:
        site.wait_for(site.send(files), "delivered")
    # What was received within StableAge and 5 s before the noted position may be sent twice.
    time.sleep(7)
    site.wait_for(site.send(_study(tmp_path, patient)), "delivered")
    last = site.orthanc.get("/changes?last")["Last"]
    wait_for(lambda: _noted(site) >= last, "the position is noted")
    peer.open.clear()
    unfinished = _study(tmp_path, patient)
    ident = site.send(unfinished)
    site.wait_for(ident, "sending")
    site.orthanc.kill()
    for path in site.state_directory.glob(FILE_NAME + "-*"):
        path.unlink()
    garbage = b"SQLite format 3\0" + b"\xff" * 8000
    (site.state_directory / FILE_NAME).write_bytes(garbage)
    peer.open.set()

    site.start_again()
    warning = site.wait_for_warning("state_file_replaced")
    (kept,) = site.state_directory.glob(FILE_NAME + ".unusable-*")
    assert kept.name in warning
    assert kept.read_bytes() == garbage
    wait_for(lambda: all(peer.received[path.stem] for path in unfinished), "the unfinished arrives")
    later = site.send(_study(tmp_path, patient))
    site.wait_for(later, "delivered")
    assert set(site.warnings()) == {"state_file_replaced"}
    finished = [path.stem for files in done for path in files]
    assert [peer.received[image] for image in finished] == [1] * len(finished)


def test_a_folder_that_cannot_be_written_is_warned_of_and_used_as_soon_as_it_can(
    make_site: Callable[..., Site], host_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(host_version)
    site.start()
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    site.orthanc.stop()
    elsewhere = site.state_directory.rename(tmp_path / "elsewhere")
    site.state_directory.write_text("a file is in the way")

    site.orthanc.start()
    message = site.wait_for_warning("state")
    assert str(site.state_directory) in message
    assert "StateDirectory" in message
    assert site.node()["online"]
    ident = site.send(_study(tmp_path, patient))
    site.state_directory.unlink()
    elsewhere.rename(site.state_directory)
    site.wait_for(ident, "delivered", seconds=25)
    wait_for(lambda: site.warnings() == {}, "no warning is left")


def test_orthanc_itself_works_whatever_the_state_folder_is(
    make_site: Callable[..., Site], host_version: OrthancVersion, tmp_path: Path
) -> None:
    site = make_site(host_version)
    site.state_directory.parent.mkdir(parents=True, exist_ok=True)
    site.state_directory.write_text("a file is in the way")
    site.orthanc.start()
    answers = send_by_rest(_study(tmp_path, "P"), site.orthanc.http_url)
    assert {answer["Status"] for answer in answers} == {"Success"}
    assert "state" in {warning["code"] for warning in site.plugin()["warnings"]}
    assert site.orthanc.stop().exit_code == 0


def _noted(site: Site) -> int:
    """The position from which a plugin without its state file begins."""
    return int(json.loads((site.state_directory / "checkpoint.json").read_text())["position"])


def _study(folder: Path, patient: str) -> list[Path]:
    folder = folder / unique("study")
    return make_study(folder, "CT", series=1, instances=3, rows=8, PatientID=patient)
