"""A lane against an Orthanc that fails."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from orthanc_console.plugin.orthanc_client import Address, OrthancClient
from orthanc_console.plugin.state import State
from routing.plugin.deliveries import Delivery, pack
from routing.plugin.matcher import Destination
from routing.plugin.sender import Sender
from routing.plugin.store import SCHEMA, DeliveryStore
from tests.http_server import HttpServer, answer, http_server

STUDY = "11111111-11111111-11111111-11111111-11111111"
INSTANCE = "22222222-22222222-22222222-22222222-22222222"
DESTINATION = Destination(
    id=1,
    name="peer",
    kind="peer",
    source="orthanc",
    enabled=True,
    paused=False,
    aet="",
    host="",
    port=None,
    url="http://peer/",
    username="",
    password="",
    verify="none",
    max_in_flight=2,
)


def test_a_study_that_orthanc_cannot_read_is_put_off_and_stops_no_other(tmp_path: Path) -> None:
    refusal = answer({"OrthancStatus": -1, "Message": "Internal error"}, 500)
    with http_server(refusal) as server:
        sender, store = _sender(tmp_path, server)
        sender.configure({1: DESTINATION})
        sender.lanes[1].answered(time.monotonic())
        delivery = _add(store)
        sender.step()
    put_off = store.get(delivery.id)
    assert put_off is not None
    assert put_off.state == "waiting"
    assert "Internal error" in put_off.last_error
    assert put_off.next_attempt_at is not None
    assert put_off.next_attempt_at > time.time() + 5


def test_without_a_configuration_nothing_that_waits_is_touched(tmp_path: Path) -> None:
    with http_server(answer({})) as server:
        sender, store = _sender(tmp_path, server)
        delivery = _add(store)
        sender.step()
        waiting = store.get(delivery.id)
        assert waiting is not None and waiting.state == "waiting"
        sender.configure({})
        sender.step()
        cancelled = store.get(delivery.id)
        assert cancelled is not None and cancelled.reason == "destination_removed"


def test_what_is_meant_for_a_destination_that_orthanc_lost_waits_until_it_is_back(
    tmp_path: Path,
) -> None:
    with http_server(answer({})) as server:
        sender, store = _sender(tmp_path, server)
        delivery = _add(store)
        sender.configure({1: replace(DESTINATION, gone=True)})
        sender.step()
        held = store.get(delivery.id)
        assert held is not None and (held.state, held.reason) == ("held", "destination_gone")
        sender.configure({1: DESTINATION})
        sender.step()
        waiting = store.get(delivery.id)
        assert waiting is not None and (waiting.state, waiting.reason) == ("waiting", "")


def _sender(folder: Path, server: HttpServer) -> tuple[Sender, DeliveryStore]:
    store = DeliveryStore(State(folder, [SCHEMA]))
    orthanc = OrthancClient(Address(server.url), "Bearer token")
    return Sender(store, orthanc, 2, threading.RLock()), store


def _add(store: DeliveryStore) -> Delivery:
    delivery = Delivery(STUDY, 1, "peer", pack([INSTANCE]))
    with store._state.transaction() as db:
        store.add(db, delivery)
    return delivery
