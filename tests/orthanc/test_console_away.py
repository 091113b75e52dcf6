"""The data plane does not need the console: its configuration is kept, and what happens is reported later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from testbed.console import ConsoleServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site

STUDIES = 50


def test_fifty_studies_are_forwarded_without_the_console_and_are_in_its_history_once_it_is_back(
    make_site: Callable[..., Site],
    console: ConsoleServer,
    host_version: OrthancVersion,
    peer: Peer,
    tmp_path: Path,
) -> None:
    site = make_site(host_version, console=console)
    site.start()
    site.rule('Modality == "CT"', [site.peer(peer.url)])
    site.settle()
    console.stop()
    site.orthanc.stop()
    site.start_again()
    files = [
        make_study(tmp_path / "ct", "CT", series=1, instances=1, rows=8, seed=seed)[0]
        for seed in range(STUDIES)
    ]
    for path in files:
        site.send([path])
    expected = dict.fromkeys((path.stem for path in files), 1)
    wait_for(lambda: len(peer.received) == STUDIES, "the peer has them all", 60)
    wait_for(lambda: "console" in _warnings(site), "the plugin says that the console is away")

    console.start()
    wait_for(lambda: len(_delivered(site)) == STUDIES, "the history has them all", 60)
    assert set(Counter(_delivered(site)).values()) == {1}
    assert len(list(console.pages("/deliveries/"))) == STUDIES
    assert len(list(console.pages("/studies/"))) == STUDIES
    assert peer.received == expected
    wait_for(lambda: site.plugin()["outbox"] == 0, "nothing waits to be reported")
    wait_for(lambda: "console" not in _warnings(site), "the warning is over")


def _delivered(site: Site) -> list[int]:
    """The studies of the deliveries that the console shows as delivered."""
    shown = site.console.pages("/deliveries/", state="delivered")
    return [delivery["study"] for delivery in shown]


def _warnings(site: Site) -> set[str]:
    return {warning["code"] for warning in site.plugin()["warnings"]}
