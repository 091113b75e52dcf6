"""One console for fifty nodes: all wait for news, all hear of it, and pages stay quick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from testbed.console import ConsoleServer
from testbed.simulated import Fleet
from testbed.waiting import wait_for

NODES = 50
RULE = {"name": "Nothing leaves", "expression": "true", "stop_on_match": True, "destinations": []}


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsoleServer]:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with ConsoleServer(tmp_path / "console") as console:
        yield console


def test_pages_and_rules_are_quick_while_all_nodes_wait(
    console: ConsoleServer, tmp_path: Path
) -> None:
    names = [f"node{number}" for number in range(NODES)]
    with Fleet(tmp_path, console, console.url, names) as fleet:
        wait_for(fleet.obeys, "each node has its configuration", 60)
        # Now their calls wait, each for 20 seconds.
        time.sleep(2)
        assert requests.get(f"{console.url}/login/", timeout=10).status_code == 200
        before = fleet.times_obeyed()
        console.post("/rules/", RULE)
        wait_for(lambda: fleet.obeys(before), "the rule is in force everywhere", 10)
        nodes = console.get("/nodes/", page_size=NODES)["results"]
        assert [node["online"] for node in nodes] == [True] * NODES
