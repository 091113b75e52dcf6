"""Orthanc ends as it would without the plugin, whatever the plugin does at that moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site

ROUNDS = 2
STUDIES = 15
# Shorter than the 20 seconds for which the plugin waits for news of the console; stops themselves take a few.
LONG_BEFORE_A_CALL_ENDS = 15


def test_it_stops_soon_with_status_0_while_it_forwards(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    peer.delay = 0.2
    site = make_site(orthanc_version)
    site.start()
    site.rule("true", [site.peer(peer.url)])
    site.settle()
    sent = 0
    for _ in range(ROUNDS):
        for _ in range(STUDIES):
            site.send(make_study(tmp_path, "CT", series=1, instances=2, rows=8))
        sent += 2 * STUDIES
        wait_for(lambda most=sent: len(peer.received) > most - 30, "it is forwarding", 60, 0.01)  # type: ignore[misc]
        stopped = site.orthanc.stop()
        assert stopped.exit_code == 0, site.orthanc.log_text(since_start=True)[-3000:]
        assert stopped.seconds < LONG_BEFORE_A_CALL_ENDS
        assert len(peer.received) < sent, "it was to stop in the middle"
        site.start_again()
    wait_for(lambda: len(peer.received) == sent, "the peer has everything", 60)


def test_it_stops_right_after_its_start(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion
) -> None:
    site = make_site(orthanc_version)
    for _ in range(ROUNDS):
        site.orthanc.start()
        stopped = site.orthanc.stop()
        assert stopped.exit_code == 0, site.orthanc.log_text(since_start=True)[-3000:]
        assert stopped.seconds < LONG_BEFORE_A_CALL_ENDS
