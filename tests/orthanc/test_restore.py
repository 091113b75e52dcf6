"""A console that was restored from a backup of yesterday, and an Orthanc that has gone on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.console import ConsoleServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique


def test_a_restored_console_hears_again_what_it_missed_and_nothing_is_done_twice(
    console: ConsoleServer,
    make_site: Callable[..., Site],
    host_version: OrthancVersion,
    peer: Peer,
    tmp_path: Path,
) -> None:
    site = make_site(host_version, console=console)
    site.start()
    patient, other = unique("P"), unique("Q")
    target = site.peer(peer.url)
    site.rule(f'PatientID == "{patient}"', [target])
    site.settle()
    backup = tmp_path / "backup.gz"
    console.manage("backup", str(backup))

    # What the backup does not know: a study and its delivery, and a rule with its destination.
    files = make_study(tmp_path / "missed", "CT", instances=2, rows=8, PatientID=patient)
    missed = site.send(files)
    site.wait_for(missed, "delivered")
    later = site.peer(peer.url)
    site.rule(f'PatientID == "{other}"', [later])
    site.settle()
    received = dict(peer.received)
    before = site.plugin()["config_revision"]

    console.manage("restore", str(backup), "--replace")

    site.wait_for(missed, "delivered")
    study = site.wait_for_study(missed)
    assert (study["patient_id"], study["instance_count"]) == (patient, len(files))
    assert dict(peer.received) == received
    # The configuration of the backup is in force, although its own number was lower.
    site.settle()
    assert site.plugin()["config_revision"] > before
    gone = site.send(make_study(tmp_path / "gone", "CT", instances=1, rows=8, PatientID=other))
    sent = site.send(make_study(tmp_path / "sent", "CT", instances=1, rows=8, PatientID=patient))
    site.wait_for(sent, "delivered")
    wait_for(lambda: site.study(gone), "the study without a rule is known")
    assert site.deliveries(gone) == []
    # A number that the node knows is never given to another destination.
    assert site.peer(peer.url)["id"] > later["id"]
