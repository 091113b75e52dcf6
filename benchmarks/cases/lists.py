"""How fast are lists and pages over a year of history on PostgreSQL?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles

import requests

from benchmarks.bench import Bench
from benchmarks.history import fill
from benchmarks.rows import Row, at_most
from testbed.console import ConsoleServer
from testbed.replicas import Replicas

LIMIT = 150
REPEATS = 20
Query = dict[str, object]

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
        browser = _signed_in(console)
        pages = [*_lists(), *((page, page, {}) for page in OTHER_PAGES)]
        yield from _rows(
            "pages",
            deliveries,
            {name: _times(browser, f"{console.url}{path}", query) for name, path, query in pages},
        )
        lists = [*_lists(), *((path, path, {}) for path in OTHER_LISTS)]
        yield from _rows(
            "the API",
            deliveries,
            {
                name: _times(console.session, f"{console.base_url()}{path}", query)
                for name, path, query in lists
            },
        )


def _lists() -> Iterator[tuple[str, str, Query]]:
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


def _times(session: requests.Session, url: str, query: Query) -> list[float]:
    """Milliseconds of each answer, after one that fills the caches of the database."""
    times = []
    for _repeat in range(REPEATS + 1):
        begun = time.perf_counter()
        answer = session.get(
            url, params={key: str(value) for key, value in query.items()}, timeout=60
        )
        times.append(1000 * (time.perf_counter() - begun))
        answer.raise_for_status()
    return times[1:]


def _rows(what: str, deliveries: int, times: dict[str, list[float]]) -> Iterator[Row]:
    everything = [each for some in times.values() for each in some]
    setting = f"{deliveries:,} deliveries, {len(times)} lists, {REPEATS} times each"
    yield at_most(f"{what}, 95 of 100 are within", _p95(everything), LIMIT, " ms", setting)
    slowest = max(times, key=lambda name: _p95(times[name]))
    yield at_most(
        f"{what}, the slowest list: 95 of 100",
        _p95(times[slowest]),
        LIMIT,
        " ms",
        f"{slowest}, median {median(times[slowest]):.0f} ms",
    )


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
