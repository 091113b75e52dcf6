"""Several consoles on one PostgreSQL behave as one, and nothing is lost when one of them is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from testbed.console import REPOSITORY, ConsoleServer
from testbed.postgres import PostgresServer
from testbed.replicas import Replicas
from testbed.simulated import DESTINATIONS, EVENTS_PER_STUDY, Fleet
from testbed.waiting import wait_for

RULE = {"name": "Nothing leaves", "expression": "true", "stop_on_match": True, "destinations": []}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with Replicas(tmp_path_factory.mktemp("replicas"), 2) as made:
        yield made


def signed_in(console: ConsoleServer, name: str, password: str) -> requests.Session:
    """A browser that signed in at this console, or tried to."""
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{console.url}/login/", timeout=30)
    form = {
        "username": name,
        "password": password,
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
    }
    browser.post(f"{console.url}/login/", form, timeout=30)
    return browser


def overview(browser: requests.Session, console: ConsoleServer) -> int:
    """The status of the first page, 302 for who is not signed in."""
    return browser.get(f"{console.url}/", allow_redirects=False, timeout=30).status_code


def test_who_signed_in_at_one_is_signed_in_at_the_other(site: Replicas) -> None:
    one, other = site.consoles
    browser = signed_in(one, one.user, one.password)
    assert (overview(browser, one), overview(browser, other)) == (200, 200)


def test_wrong_passwords_at_both_lock_out_of_both(site: Replicas) -> None:
    one, other = site.consoles
    one.create_user("mallory", "viewer")
    for console in (one, other) * 4:
        signed_in(console, "mallory", "wrong")
    for console in (one, other):
        assert overview(signed_in(console, "mallory", console.password), console) == 302


def test_a_rule_that_is_saved_at_one_reaches_the_nodes_that_wait_at_the_other(
    site: Replicas, tmp_path: Path
) -> None:
    one, other = site.consoles
    names = [f"node{number}" for number in range(50)]
    with Fleet(tmp_path, other, other.url, names) as fleet:
        wait_for(fleet.obeys, "each node has its configuration", 60)
        # Now their calls wait, each for 20 seconds, and hold no connection: there are ten for each of its two processes.
        time.sleep(2)
        assert connections(site) <= 20 * len(site.consoles)
        before = fleet.times_obeyed()
        one.post("/rules/", RULE)
        wait_for(lambda: fleet.obeys(before), "the rule is in force everywhere", 10)


def ready(console: ConsoleServer, times: int) -> bool:
    """Whether it says so this often in succession, so that more than one of its processes was asked."""
    return all(requests.get(f"{console.url}/readyz", timeout=30).ok for _ in range(times))


def test_connections_that_died_with_the_database_cost_no_request(site: Replicas) -> None:
    console = site.consoles[0]

    def status(_number: int) -> int:
        return requests.get(f"{console.url}/readyz", timeout=30).status_code

    with ThreadPoolExecutor(40) as crowd:
        list(crowd.map(status, range(400)))
    # Of both consoles, each with two processes.
    assert connections(site) > 8
    site.postgres.stop()
    site.postgres.start()
    assert {status(number) for number in range(20)} == {200}


def connections(site: Replicas) -> int:
    """Connections of the consoles to the database."""
    counted = site.query(
        "SELECT count(*) FROM pg_stat_activity WHERE client_addr IS NOT NULL AND pid <> pg_backend_pid()"
    )
    return int(counted[0][0])


def test_every_event_is_stored_once_while_consoles_are_killed(
    site: Replicas, tmp_path: Path
) -> None:
    names = [f"fire{number}" for number in range(10)]
    fleet = Fleet(tmp_path, site.consoles[0], site.url, names)
    # 320 events a second.
    with fleet, fleet.forwarding(studies_per_second=4):
        site.kill_in_turn(kills=2, every=4)
    made = {name: node.made for name, node in fleet.nodes.items()}
    stored = site.query(
        "SELECT name, count(*), max(seq) - min(seq) + 1 FROM agent_event JOIN nodes_node n ON n.id = node_id "
        "WHERE name LIKE 'fire%' GROUP BY name"
    )
    assert {name: count for name, count, _range in stored} == made
    assert {name: numbers for name, _count, numbers in stored} == made
    states = site.query("SELECT state, count(*) FROM routing_delivery GROUP BY state")
    assert states == [("delivered", sum(made.values()) // EVENTS_PER_STUDY * len(DESTINATIONS))]


def test_two_consoles_that_start_at_once_migrate_a_new_database_once(tmp_path: Path) -> None:
    with PostgresServer() as postgres:
        consoles = [
            ConsoleServer(tmp_path / name, environment={"DATABASE_URL": postgres.url})
            for name in ("one", "other")
        ]
        processes = [
            subprocess.Popen(
                [sys.executable, str(REPOSITORY / "manage.py"), "migrate", "--verbosity", "0"],
                env=console.environment(),
            )
            for console in consoles
        ]
        assert [process.wait(120) for process in processes] == [0, 0]
        consoles[0].manage("migrate", "--check")


def test_a_restart_of_the_database_is_survived(site: Replicas, tmp_path: Path) -> None:
    console = site.consoles[0]
    with Fleet(tmp_path, console, console.url, ["patient"]) as fleet:
        wait_for(fleet.obeys, "the first configuration")
        # Now its call waits.
        time.sleep(1)
        site.postgres.stop()
        assert requests.get(f"{console.url}/healthz", timeout=30).status_code == 200
        assert requests.get(f"{console.url}/readyz", timeout=30).status_code == 503
        # Every attempt to connect has failed by then, each after a longer wait than the one before.
        time.sleep(12)
        site.postgres.start()
        assert ready(console, 20)
        before = fleet.times_obeyed()
        console.post("/rules/", {**RULE, "name": "After the restart"})
        wait_for(lambda: fleet.obeys(before), "the rule is in force", 40)
