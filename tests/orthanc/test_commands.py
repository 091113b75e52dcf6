"""What people ask for in the console, a real Orthanc does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import free_port, wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Site, unique


def test_an_echo_answers_long_before_the_next_regular_call(
    site: Site, destination: OrthancServer, peer: Peer
) -> None:
    there = [
        site.modality(destination),
        site.peer(peer.url),
        site.dicomweb(destination),
    ]
    for target in there:
        begin = time.monotonic()
        result = site.console.post(f"/destinations/{target['id']}/echo/")
        assert time.monotonic() - begin < 10
        assert result["ok"], result
        assert result["milliseconds"] >= 0
        assert result["node"] == site.node_name


def test_an_echo_tells_why_there_is_no_answer(host_site: Site, destination: OrthancServer) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/"
    absent = [
        host_site.modality(destination, port=free_port()),
        host_site.peer(nowhere),
        host_site.destination("dicomweb", url=nowhere),
    ]
    for target in absent:
        result = host_site.console.post(f"/destinations/{target['id']}/echo/")
        assert not result["ok"]
        assert len(result["detail"]) > 10


def test_a_paused_destination_holds_and_lets_go(
    host_site: Site, peer: Peer, tmp_path: Path
) -> None:
    target, ident = _prepare(host_site, peer)
    host_site.console.post(f"/destinations/{target['id']}/pause/")
    host_site.settle()
    study = host_site.send(_study(tmp_path, ident))
    (held,) = host_site.wait_for(study, "held")
    assert held["reason"] == "paused"
    assert not peer.received
    host_site.console.post(f"/destinations/{target['id']}/resume/")
    host_site.wait_for(study, "delivered")


def test_a_disabled_destination_holds_and_a_deleted_one_cancels(
    host_site: Site, peer: Peer, tmp_path: Path
) -> None:
    target, ident = _prepare(host_site, peer)
    host_site.console.patch(f"/destinations/{target['id']}/", {"enabled": False})
    host_site.settle()
    study = host_site.send(_study(tmp_path, ident))
    (held,) = host_site.wait_for(study, "held")
    assert held["reason"] == "disabled"
    host_site.clear()
    (cancelled,) = host_site.wait_for(study, "cancelled")
    assert cancelled["reason"] == "destination_removed"
    assert cancelled["destination"] is None
    assert cancelled["destination_name"] == target["name"]
    assert not peer.received


def test_retry_sends_at_once_what_waits_for_its_next_attempt(
    host_site: Site, peer: Peer, tmp_path: Path
) -> None:
    _target, ident = _prepare(host_site, peer)
    peer.accepts = False
    study = host_site.send(_study(tmp_path, ident))
    wait_for(
        lambda: [d["last_error"] for d in host_site.deliveries(study) if d["last_error"]],
        "the first attempt failed",
    )
    (waiting,) = host_site.wait_for(study, "waiting")
    assert waiting["next_attempt_at"]
    peer.accepts = True
    assert _act(host_site, "retry", waiting)["done"] == 1
    (delivered,) = host_site.wait_for(study, "delivered", seconds=5)
    assert delivered["attempts"] == waiting["attempts"] + 1
    attempts = host_site.console.get(f"/deliveries/{delivered['id']}/")["attempt_list"]
    assert sorted(a["outcome"] for a in attempts) == ["failed", "succeeded"]


def test_cancel_ends_what_waits_and_what_is_being_sent_and_retry_takes_it_up_again(
    site: Site, peer: Peer, tmp_path: Path
) -> None:
    _target, ident = _prepare(site, peer, max_in_flight=1)
    peer.open.clear()
    studies = [site.send(_study(tmp_path, ident)) for _ in range(2)]
    wait_for(lambda: _states(site, studies) == ["sending", "waiting"], "one is sent, one waits")
    for study in studies:
        assert _act(site, "cancel", site.deliveries(study)[0])["done"] == 1
        (cancelled,) = site.wait_for(study, "cancelled")
        assert cancelled["reason"] == "by_hand"
    peer.open.set()
    for study in studies:
        _act(site, "retry", site.deliveries(study)[0])
        (delivered,) = site.wait_for(study, "delivered")
        assert delivered["delivered_count"] == 2


def test_a_study_is_sent_by_hand_whatever_the_rules_say(
    host_site: Site, peer: Peer, tmp_path: Path
) -> None:
    target = host_site.peer(peer.url)
    host_site.settle()
    study = host_site.send(_study(tmp_path, unique("P")))
    shown = host_site.wait_for_study(study)
    answer = host_site.console.post(f"/studies/{shown['id']}/send/", {"destination": target["id"]})
    assert (answer["done"], answer["ok"]) == (True, True)
    (delivery,) = host_site.wait_for(study, "delivered")
    assert delivery["id"] == answer["delivery"]
    assert delivery["cause"] == "manual"
    assert delivery["rules"] == []
    assert len(peer.received) == 2


def test_a_study_that_is_gone_cannot_be_sent_by_hand(
    host_site: Site, peer: Peer, tmp_path: Path
) -> None:
    target = host_site.peer(peer.url)
    host_site.settle()
    study = host_site.send(_study(tmp_path, unique("P")))
    shown = host_site.wait_for_study(study)
    host_site.orthanc.delete(f"/studies/{study}")
    answer = host_site.console.post(f"/studies/{shown['id']}/send/", {"destination": target["id"]})
    assert (answer["done"], answer["ok"]) == (True, False)
    assert "not in this Orthanc" in answer["detail"]


def test_a_dry_run_decides_and_sends_nothing(host_site: Site, peer: Peer, tmp_path: Path) -> None:
    target = host_site.peer(peer.url)
    patient = unique("P")
    rule = host_site.rule(f'PatientID == "{patient}"', [target], enforcement="dry_run")
    host_site.settle()
    study = host_site.send(_study(tmp_path, patient))
    (skipped,) = host_site.wait_for(study, "skipped")
    assert skipped["reason"] == "dry_run"
    assert host_site.decisions(study)[rule["id"]]["result"] == "match"
    assert not peer.received


def _prepare(site: Site, peer: Peer, **values: Any) -> tuple[dict[str, Any], str]:
    """A destination with a rule; returns it with the PatientID that the rule wants."""
    target, patient = site.peer(peer.url, **values), unique("P")
    site.rule(f'PatientID == "{patient}"', [target])
    site.settle()
    return target, patient


def _study(folder: Path, patient: str) -> list[Path]:
    folder = folder / unique("study")
    return make_study(folder, "CT", series=1, instances=2, rows=8, PatientID=patient)


def _act(site: Site, what: str, delivery: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = site.console.post(f"/deliveries/{delivery['id']}/{what}/")
    return report


def _states(site: Site, studies: list[str]) -> list[str]:
    return [delivery["state"] for study in studies for delivery in site.deliveries(study)]
