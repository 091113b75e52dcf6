"""A private tag that the site has named decides a rule inside a real Orthanc."""

from __future__ import annotations

from pathlib import Path

import pydicom

from testbed.studies import make_study
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique


def with_private_tag(files: list[Path], value: str) -> list[Path]:
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.private_block(0x19, "OTHER", create=True)
        block = dataset.private_block(0x19, "ACME 1.0", create=True)
        block.add_new(0x9C, "LO", value)
        dataset.save_as(path)
    return files


def test_it_is_read_and_only_what_has_it_matches(site: Site, peer: Peer, tmp_path: Path) -> None:
    patient, name = unique("P"), f"SiteGroup{unique('x').replace('-', '')}"
    tag = site.console.post(
        "/site-tags/",
        {"name": name, "group": "0019", "creator": "ACME 1.0", "element": "9c", "type": "text"},
    )
    try:
        rule = site.rule(f'PatientID == "{patient}" and {name} == "group 7"', [site.peer(peer.url)])
        site.settle()
        options = {"series": 1, "instances": 2, "rows": 8, "PatientID": patient}
        wanted = site.send(with_private_tag(make_study(tmp_path / "a", "CT", **options), "group 7"))
        other = site.send(with_private_tag(make_study(tmp_path / "b", "CT", **options), "group 8"))
        without = site.send(make_study(tmp_path / "c", "CT", **options))
        site.wait_for(wanted, "delivered")
        assert site.decisions(other)[rule["id"]]["result"] == "no_match"
        assert site.decisions(without)[rule["id"]]["result"] == "undecided"
        assert site.deliveries(other) == site.deliveries(without) == []
    finally:
        site.clear()
        site.console.request("DELETE", f"/site-tags/{tag['id']}/")
