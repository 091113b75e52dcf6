"""Deciding when Orthanc does not tell what is expected of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orthanc_console.plugin.orthanc_client import Address, OrthancClient, OrthancDown
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from routing.plugin.holdings import Holdings
from routing.plugin.inventory import Inventory
from routing.plugin.router import Router
from routing.plugin.sender import Sender
from routing.plugin.store import SCHEMA, DeliveryStore
from routing.plugin.verify import Verifier
from tests.http_server import HttpServer, answer, cut_off, http_server

STUDY = "11111111-11111111-11111111-11111111-11111111"


@pytest.mark.parametrize(
    "said",
    [answer({}), answer(b"[]"), answer(b"null"), answer({"Message": "Internal error"}, 500)],
)
def test_a_study_that_cannot_be_read_is_put_off_and_told_of_once(
    tmp_path: Path, said: bytes
) -> None:
    state = State(tmp_path, [SCHEMA])
    with http_server(said) as server:
        router = _router(state, server)
        for position in (7, 8):
            router.decide(STUDY, position, lambda db: State.put(db, "position", 7))
    assert state.get("position") == 7
    assert [row["study"] for row in state.read("SELECT study FROM unsettled")] == [STUDY]
    (notice,) = state.waiting_events(10, 10**6)
    assert notice["kind"] == "node.notice"
    assert STUDY in notice["data"]["message"]


def test_an_orthanc_that_is_down_leaves_everything_as_it_is(tmp_path: Path) -> None:
    state = State(tmp_path, [SCHEMA])
    with http_server(cut_off(b"")) as server, pytest.raises(OrthancDown):
        _router(state, server).decide(STUDY, 7, lambda db: State.put(db, "position", 7))
    assert state.get("position") is None
    assert state.outbox_size() == 0


def _router(state: State, server: HttpServer) -> Router:
    orthanc = OrthancClient(Address(server.url), "Bearer token")
    store, lock = DeliveryStore(state), threading.RLock()
    sender = Sender(store, orthanc, 2, lock)
    verifier = Verifier(store, orthanc, Holdings(orthanc, {}), lock, sender.wake.set, sender.busy)
    inventory = Inventory(state, orthanc, sender)
    return Router(state, store, orthanc, sender, verifier, inventory, Warnings())
