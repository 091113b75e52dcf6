"""Images that come after their study was forwarded, and images that come twice."""

from __future__ import annotations

from pathlib import Path

from testbed.studies import make_study
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique


def test_late_images_go_alone_and_identical_ones_not_again(
    site: Site, peer: Peer, tmp_path: Path
) -> None:
    patient = unique("P")
    site.rule(f'PatientID == "{patient}"', [site.peer(peer.url)])
    site.settle()
    files = make_study(tmp_path, "CT", series=2, instances=3, rows=8, PatientID=patient)
    ident = site.send(files[:4])
    site.wait_for(ident, "delivered")
    assert site.send(files) == ident
    deliveries = site.wait_for(ident, "delivered", "delivered")
    assert [each["instance_count"] for each in deliveries] == [4, 2]
    assert peer.received == dict.fromkeys((path.stem for path in files), 1)
    assert site.wait_for_study(ident)["instance_count"] == 6
