"""Orthanc is killed, and nothing that it had stored is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique

STUDIES = 4


def test_a_study_that_was_not_stable_yet_is_forwarded_after_the_restart(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(orthanc_version, {"StableAge": 2})
    site.start()
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    grown = _study(tmp_path, patient)
    first = site.send(grown[:1])
    site.wait_for(first, "delivered")
    second = site.send(_study(tmp_path, patient))
    site.send(grown[1:])
    site.orthanc.kill()
    site.start_again()
    site.wait_for(second, "delivered")
    deliveries = site.wait_for(first, "delivered", "delivered")
    assert [each["instance_count"] for each in deliveries] == [1, 2]
    assert set(peer.received.values()) == {1}
    assert len(peer.received) == 6


def test_jobs_that_ran_and_deliveries_that_waited_are_finished_after_the_restart(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(orthanc_version)
    site.start()
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    peer.open.clear()
    sent = [_study(tmp_path, patient) for _ in range(STUDIES)]
    idents = [site.send(files) for files in sent]
    wait_for(lambda: _states(site, idents).count("sending") == 2, "two jobs run")
    wait_for(lambda: _states(site, idents).count("waiting") == 2, "two deliveries wait")
    site.orthanc.kill()
    peer.open.set()
    site.start_again()
    for ident in idents:
        (delivery,) = site.wait_for(ident, "delivered")
        assert delivery["delivered_count"] == 3
    assert set(peer.received) == {path.stem for files in sent for path in files}


def _study(folder: Path, patient: str) -> list[Path]:
    folder = folder / unique("study")
    return make_study(folder, "CT", series=1, instances=3, rows=8, PatientID=patient)


def _states(site: Site, idents: list[str]) -> list[str]:
    return [delivery["state"] for ident in idents for delivery in site.deliveries(ident)]
