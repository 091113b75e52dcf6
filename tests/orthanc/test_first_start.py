"""An Orthanc that is full gets the plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import PLUGIN, Site, unique


def test_what_was_stored_before_the_plugin_came_is_not_forwarded(
    make_site: Callable[..., Site], orthanc_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(orthanc_version)
    del site.orthanc.configuration["PythonScript"]
    site.orthanc.start()
    for _ in range(3):
        site.send(_study(tmp_path))
    wait_for(lambda: _stable_studies(site) == 3, "all are stable")
    site.orthanc.stop()
    site.rule("true", [site.peer(peer.url)])
    site.orthanc.configuration["PythonScript"] = PLUGIN
    site.start()
    later = _study(tmp_path)
    site.wait_for(site.send(later), "delivered")
    assert set(peer.received) == {path.stem for path in later}
    assert len(list(site.console.pages("/studies/", node=site.node_id))) == 1


def _stable_studies(site: Site) -> int:
    changes = site.orthanc.get("/changes?limit=1000")["Changes"]
    return sum(change["ChangeType"] == "StableStudy" for change in changes)


def _study(folder: Path) -> list[Path]:
    return make_study(folder / unique("study"), "CT", series=1, instances=2, rows=8)
