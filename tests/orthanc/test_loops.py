"""Two Orthancs that forward everything to each other: each study crosses once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.studies import make_study, send_by_cstore, send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.site import Site


@pytest.mark.parametrize("kind", ["modality", "peer"])
def test_each_study_crosses_once(
    make_site: Callable[..., Site], host_version: OrthancVersion, tmp_path: Path, kind: str
) -> None:
    left = make_site(host_version, aet="LEFT")
    right = make_site(host_version, aet="RIGHT")
    for here, there in ((left, right), (right, left)):
        target = (
            here.modality(there.orthanc)
            if kind == "modality"
            else here.peer(there.orthanc.http_url)
        )
        here.rule("true", [target])
    for site in (left, right):
        site.start()
    by_rest = make_study(tmp_path / "rest", series=1, instances=3)
    by_dicom = make_study(tmp_path / "dicom", series=1, instances=3)
    send_by_rest(by_rest, left.orthanc.http_url)
    send_by_cstore(by_dicom, "127.0.0.1", right.orthanc.dicom_port, "RIGHT")
    wait_for(
        lambda: (
            sum(left.orthanc.instance_counts().values())
            == sum(right.orthanc.instance_counts().values())
            == 6
        ),
        "both have both studies",
    )
    wait_for(lambda: len(_deliveries(left) + _deliveries(right)) >= 4, "both have decided")
    time.sleep(3)
    crossed = [d for d in _deliveries(left) + _deliveries(right) if d["state"] == "delivered"]
    kept = [d["reason"] for d in _deliveries(left) + _deliveries(right) if d["state"] == "skipped"]
    assert len(crossed) == 2
    assert kept == (["loop_guard"] if kind == "modality" else ["already_there"]) * 2


def _deliveries(site: Site) -> list[dict[str, str]]:
    return list(site.console.pages("/deliveries/", node=site.node_id))
