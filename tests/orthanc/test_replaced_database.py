"""A change log that went backwards is noticed, and neither loses studies nor sends everything again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.site import Site


def test_a_database_restored_from_yesterday_is_noticed_and_causes_no_storm(
    make_site: Callable[..., Site],
    host_version: OrthancVersion,
    destination: OrthancServer,
    tmp_path: Path,
) -> None:
    site = make_site(host_version)
    site.rule("true", [site.modality(destination)])
    site.start()
    old = [site.send(make_study(tmp_path / f"old{n}", series=1, instances=2)) for n in range(2)]
    for study in old:
        site.wait_for(study, "delivered")
    site.orthanc.stop()
    storage = Path(site.orthanc.configuration["StorageDirectory"])
    shutil.copytree(storage, tmp_path / "yesterday")

    site.start()
    lost = make_study(tmp_path / "lost", series=1, instances=2)
    site.wait_for(site.send(lost), "delivered")
    site.orthanc.stop()
    shutil.rmtree(storage)
    shutil.copytree(tmp_path / "yesterday", storage)

    site.start()
    wait_for(lambda: "change log" in site.orthanc.log_text(since_start=True), "the plugin noticed")
    fresh = site.send(make_study(tmp_path / "fresh", series=1, instances=2))
    site.wait_for(fresh, "delivered")
    again = site.send(lost)
    site.wait_for(again, "delivered")
    deliveries = list(site.console.pages("/deliveries/", node=site.node_id))
    assert len(deliveries) == 4, "something was sent twice"


def test_a_cleared_change_log_loses_nothing(
    site: Site, destination: OrthancServer, tmp_path: Path
) -> None:
    site.rule("true", [site.modality(destination)])
    site.settle()
    before = site.send(make_study(tmp_path / "before", series=1, instances=2))
    site.wait_for(before, "delivered")
    site.orthanc.delete("/changes")
    after = site.send(make_study(tmp_path / "after", series=1, instances=2))
    site.wait_for(after, "delivered")


def test_another_database_is_told_by_its_changes_even_when_its_log_is_longer(
    make_site: Callable[..., Site],
    host_version: OrthancVersion,
    destination: OrthancServer,
    start_orthanc: Callable[..., OrthancServer],
    tmp_path: Path,
) -> None:
    site = make_site(host_version)
    site.rule("true", [site.modality(destination)])
    site.start()
    site.wait_for(site.send(make_study(tmp_path / "a", series=1, instances=2)), "delivered")
    site.orthanc.stop()
    other = start_orthanc("other")
    for number in range(3):
        for path in make_study(tmp_path / f"other{number}", series=1, instances=4):
            other.post("/instances", path.read_bytes())
    other.stop()
    storage = Path(site.orthanc.configuration["StorageDirectory"])
    shutil.rmtree(storage)
    shutil.copytree(Path(other.configuration["StorageDirectory"]), storage)
    site.start()
    wait_for(lambda: "change log" in site.orthanc.log_text(since_start=True), "the plugin noticed")
    site.wait_for(site.send(make_study(tmp_path / "b", series=1, instances=2)), "delivered")
