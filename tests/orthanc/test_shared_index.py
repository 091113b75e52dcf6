"""Two Orthancs on one PostgreSQL index: each study is forwarded once, also when one of them is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.console import ConsoleServer
from testbed.postgres import PostgresServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import Delivery, Site, unique

# Long enough for a busy machine: none of them may seem dead while it lives.
TAKE_OVER_AFTER = 8.0


@dataclass
class Pair:
    """Two sites that share index and files."""

    one: Site
    two: Site
    folder: Path

    @property
    def nodes(self) -> list[int]:
        return [self.one.node_id, self.two.node_id]

    def forward(self, peer: Peer) -> tuple[str, int]:
        """Let both send to the peer what has a certain PatientID; returns that, and the destination."""
        patient = unique("P")
        destination = self.one.peer(peer.url, nodes=self.nodes)
        self.one.rule(f'PatientID == "{patient}"', [destination], nodes=self.nodes)
        self.one.settle()
        self.two.settle()
        return patient, destination["id"]

    def make(self, patient: str, instances: int = 1) -> list[Path]:
        folder = self.folder / unique("study")
        return make_study(folder, series=1, instances=instances, rows=8, PatientID=patient)

    def deliveries(self, *studies: str) -> list[Delivery]:
        """Those of both nodes, which the console keeps under different studies."""
        pages = self.one.console.pages
        shown = [study for node in self.nodes for study in pages("/studies/", node=node)]
        wanted = [study["id"] for study in shown if study["orthanc_id"] in studies]
        return [d for study in wanted for d in pages("/deliveries/", study=study)]

    def states(self, *studies: str) -> list[str]:
        return sorted(delivery["state"] for delivery in self.deliveries(*studies))


@pytest.fixture(scope="module")
def shared_pair(
    tmp_path_factory: pytest.TempPathFactory,
    shared_console: ConsoleServer,
    orthanc_version: OrthancVersion,
) -> Iterator[Pair]:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        folder = tmp_path_factory.mktemp("shared-index")
        storage = folder / "storage"
        storage.mkdir()
        sites: dict[str, Site] = {}
        for name in ("one", "two"):
            index = {**postgres.as_index(storage), "DatabaseServerIdentifier": name}
            site = Site(shared_console, folder / name, orthanc_version, index, folders=[storage])
            site.orthanc.configuration["OrthancConsole"]["TakeOverAfter"] = TAKE_OVER_AFTER
            stack.callback(_end, site)
            site.start()
            sites[name] = site
        yield Pair(**sites, folder=folder)


def _end(site: Site) -> None:
    if site.orthanc.running:
        site.orthanc.kill()


@pytest.fixture
def pair(shared_pair: Pair) -> Iterator[Pair]:
    yield shared_pair
    for site in (shared_pair.one, shared_pair.two):
        if not site.orthanc.running:
            site.start_again()
    shared_pair.one.clear()


def test_each_study_is_forwarded_once_whichever_received_it(pair: Pair, peer: Peer) -> None:
    patient, _destination = pair.forward(peer)
    sent = [pair.make(patient) for _ in range(6)]
    sites = (pair.one, pair.two) * 3
    studies = [site.send(files) for site, files in zip(sites, sent, strict=True)]
    wait_for(lambda: pair.states(*studies) == ["delivered"] * 6, "all are delivered")
    assert set(peer.received.values()) == {1}
    assert len(peer.received) == 6
    assert "shared_index" not in pair.one.warnings()


def test_images_that_the_other_one_receives_later_go_alone(pair: Pair, peer: Peer) -> None:
    patient, _destination = pair.forward(peer)
    files = pair.make(patient, instances=3)
    study = pair.one.send(files[:2])
    wait_for(lambda: pair.states(study) == ["delivered"], "the first are delivered")
    pair.two.send(files[2:])
    wait_for(lambda: pair.states(study) == ["delivered"] * 2, "the last is delivered")
    assert set(peer.received.values()) == {1}
    assert sorted(d["instance_count"] for d in pair.deliveries(study)) == [1, 2]


def test_a_purge_keeps_what_the_other_one_still_delivers(pair: Pair, peer: Peer) -> None:
    patient, _destination = pair.forward(peer)
    peer.open.clear()
    study = pair.one.send(pair.make(patient))
    (delivery,) = wait_for(lambda: pair.deliveries(study), "one of them takes care of it")
    other = next(site for site in (pair.one, pair.two) if site.node_id != delivery["node"])
    purge = f"{other.orthanc.http_url}/purge-old-studies?since=20991231"
    assert other.orthanc.session.get(purge, timeout=60).status_code == 200
    assert study in other.orthanc.get("/studies")
    peer.open.set()
    wait_for(lambda: pair.states(study) == ["delivered"], "it is delivered")


def test_the_other_one_takes_over_what_a_killed_one_has_not_finished(
    pair: Pair, peer: Peer
) -> None:
    patient, destination = pair.forward(peer)
    console = pair.one.console
    console.post(f"/destinations/{destination}/pause/", {})
    studies = [pair.one.send(pair.make(patient)) for _ in range(6)]
    wait_for(lambda: pair.states(*studies) == ["held"] * 6, "all are decided about")
    before = pair.deliveries(*studies)
    growing = pair.one.send(pair.make(patient))
    pair.one.orthanc.kill()
    console.post(f"/destinations/{destination}/resume/", {})
    wait_for(lambda: len(peer.received) == 7, "the survivor delivered everything")
    (orphan,) = wait_for(lambda: pair.deliveries(growing), "somebody took care of it")
    assert orphan["node"] == pair.two.node_id
    pair.one.start_again()
    lost = {d["id"] for d in before if d["node"] == pair.one.node_id}
    wait_for(
        lambda: (
            {(d["state"], d["reason"]) for d in pair.deliveries(*studies) if d["id"] in lost}
            <= {("cancelled", "taken_over")}
        ),
        "the killed one learned of it",
    )
    assert set(peer.received.values()) == {1}
