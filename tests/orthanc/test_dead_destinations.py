"""A destination that is down or mute costs the others nothing, and is used again at once when it is back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.waiting import free_port, wait_for
from tests.orthanc.site import Site, unique


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        # Closing does not wake the thread that waits in accept.
        server.shutdown(socket.SHUT_RDWR)


def test_no_job_is_started_for_a_mute_or_dead_destination(
    site: Site, destination: OrthancServer, mute_port: int, tmp_path: Path
) -> None:
    patient = unique("P")
    mute = site.destination("modality", aet="MUTE", host="127.0.0.1", port=mute_port)
    dead = site.destination("modality", aet="DEAD", host="127.0.0.1", port=free_port())
    mute_peer = site.peer(f"http://127.0.0.1:{mute_port}/")
    healthy = site.modality(destination)
    site.rule(f'PatientID == "{patient}"', [mute, dead, mute_peer, healthy])
    site.settle()
    studies = [
        site.send(make_study(tmp_path / f"{n}", series=1, instances=2, PatientID=patient))
        for n in range(4)
    ]
    for study in studies:
        wait_for(
            lambda study=study: "delivered" in [d["state"] for d in site.deliveries(study)],
            "the healthy destination has the study",
        )
    for study in studies:
        for delivery in site.deliveries(study):
            if delivery["destination"] == healthy["id"]:
                assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
            else:
                assert (delivery["state"], delivery["attempts"]) == ("waiting", 0)
    health = wait_for(
        lambda: site.console.get(f"/destinations/{dead['id']}/")["last_error"], "it is said why"
    )
    assert "refused" in health or "in progress" in health


def test_what_waits_goes_at_once_when_the_destination_is_back(
    site: Site, start_orthanc: Callable[..., OrthancServer], tmp_path: Path
) -> None:
    patient = unique("P")
    late = start_orthanc("late")
    late.kill()
    site.rule(f'PatientID == "{patient}"', [site.modality(late)])
    site.settle()
    studies = [
        site.send(make_study(tmp_path / f"{n}", series=1, instances=2, PatientID=patient))
        for n in range(3)
    ]
    for study in studies:
        site.wait_for(study, "waiting")
    late.start()
    for study in studies:
        site.wait_for(study, "delivered", seconds=30)
    assert sum(late.instance_counts().values()) == 6
