"""How fast are lists and pages over a year of history on PostgreSQL?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles

import requests

from benchmarks.bench import Bench
from benchmarks.history import fill
from benchmarks.process import cpu_seconds_of_tree
from benchmarks.rows import Row, at_most
from testbed.console import ConsoleServer
from testbed.replicas import Replicas

LIMIT = 150
ROUNDS = 20
Query = dict[str, object]
# Its name, its address, and its filters.
List = tuple[str, str, Query]

DELIVERIES: dict[str, Query] = {
    "all": {},
    "failed": {"state": "failed"},
    "on the way": {"state": "waiting,sending,held"},
    "delivered": {"state": "delivered,verified"},
    "of a destination": {"destination": 4},
    "failed of a destination": {"destination": 4, "state": "failed"},
    "of a node": {"node": 3},
    "of a rule": {"rule": 4},
    "failed of a rule": {"rule": 4, "state": "failed"},
    "of a patient": {"search": "p4711"},
    "of a name": {"search": "name77 given"},
    "of a node and a name": {"node": 3, "search": "name12"},
    "of nobody": {"search": "nonesuch"},
    "of a month": {"created_after": 200, "created_before": 170},
    "failed lately": {"state": "failed", "changed_after": 1},
}
STUDIES: dict[str, Query] = {
    "all": {},
    "of an accession number": {"search": "a12345"},
    "of a name": {"search": "name77 given"},
    "of nobody": {"search": "nonesuch"},
    "of a node": {"node": 3},
    "of a modality": {"modality": "CT"},
    "of a modality that nobody has": {"modality": "XA"},
}
# Studies lie in the order of their arrival.
OTHER_PAGES = (
    "/",
    "/lanes/",
    "/nodes/",
    "/nodes/1/",
    "/destinations/1/",
    "/rules/1/",
    "/studies/1000/",
)
OTHER_LISTS = ("/lanes/", "/nodes/", "/studies/1000/timeline/")
DAYS = ("created_after", "created_before", "changed_after")


def run(bench: Bench) -> Iterator[Row]:
    """Ask for the first page of each list, with the usual filters, again and again."""
    deliveries = bench.size(200_000, 1_000_000)
    with Replicas(bench.folder / "site", 1) as site:
        console = site.consoles[0]
        fill(console, site.postgres.url, deliveries)
        pages = [*_lists(), *((page, page, {}) for page in OTHER_PAGES)]
        yield from _rows("pages", deliveries, site, _signed_in(console), console.url, pages)
        lists = [*_lists(), *((path, path, {}) for path in OTHER_LISTS)]
        yield from _rows("the API", deliveries, site, console.session, console.base_url(), lists)


def _lists() -> Iterator[List]:
    for path, filters in (("/deliveries/", DELIVERIES), ("/studies/", STUDIES)):
        for name, query in filters.items():
            yield f"{path} {name}", path, {key: _value(key, value) for key, value in query.items()}


def _value(name: str, value: object) -> object:
    return (
        (datetime.now(UTC) - timedelta(days=int(str(value)))).isoformat() if name in DAYS else value
    )


def _signed_in(console: ConsoleServer) -> requests.Session:
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{console.url}/login/", timeout=30)
    form = {
        "username": console.user,
        "password": console.password,
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
    }
    browser.post(f"{console.url}/login/", form, timeout=30).raise_for_status()
    return browser


def _rows(
    what: str,
    deliveries: int,
    site: Replicas,
    session: requests.Session,
    base: str,
    lists: list[List],
) -> Iterator[Row]:
    # Once, so that the caches are filled.
    _ask(session, base, lists)
    servers = (site.consoles[0], site.postgres)
    before = [cpu_seconds_of_tree(server) for server in servers]
    # One list after the other in each round: what else goes on at the machine then meets all of them.
    rounds = [_ask(session, base, lists) for _round in range(ROUNDS)]
    used = sum(cpu_seconds_of_tree(s) - old for s, old in zip(servers, before, strict=True))
    setting = f"{deliveries:,} deliveries, {len(lists)} lists, {ROUNDS} times each"
    times = {name: [each[name] for each in rounds] for name, _path, _query in lists}
    everything = [each for some in times.values() for each in some]
    yield at_most(f"{what}, 95 of 100 are within", _p95(everything), LIMIT, " ms", setting)
    slowest = max(times, key=lambda name: median(times[name]))
    told = f"median of {slowest}"
    yield Row(f"{what}, the slowest list", f"{median(times[slowest]):.0f} ms", told)
    cost = 1000 * used / len(everything)
    yield Row(f"{what}, processor time of one", f"{cost:.0f} ms", "console and PostgreSQL")


def _ask(session: requests.Session, base: str, lists: list[List]) -> dict[str, float]:
    """Milliseconds of the answer of each list, by its name."""
    times = {}
    for name, path, query in lists:
        parameters = {key: str(value) for key, value in query.items()}
        begun = time.perf_counter()
        answer = session.get(f"{base}{path}", params=parameters, timeout=60)
        times[name] = 1000 * (time.perf_counter() - begun)
        answer.raise_for_status()
    return times


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
