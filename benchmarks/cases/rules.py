"""Rules: compiled, parsed, evaluated by the thousand, refused when hostile, and replayed over the history."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

import requests

from benchmarks.bench import Bench
from benchmarks.rows import Row, around, at_most
from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse
from testbed.console import ConsoleServer
from tests import language_pairs
from tests.hostile_rules import hostile_rules

NOW = datetime(2026, 11, 24, 12)
BATCH = 500


def run(bench: Bench) -> Iterator[Row]:
    """In this process what is pure, through a console of its own what is not."""
    chance = random.Random(5)
    texts = [language_pairs.make_rule(chance) for _number in range(1000)]
    yield from language(texts)
    yield hostile()
    console = bench.console()
    times = [seconds(partial(console.post, "/rules/parse/", {"text": text})) for text in texts[:60]]
    spread = around([1000 * each for each in times])
    setting = "60 rules, over HTTP"
    yield at_most("parse endpoint", median(times) * 1000, 50, " ms", setting, spread=spread)
    yield replay(console, bench.size(20_000, 100_000))


def seconds(act: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    act()
    return clock() - started


def language(texts: list[str]) -> Iterator[Row]:
    trees = [parse(text).tree for text in texts]
    compiled = [seconds(partial(compile_condition, tree), time.thread_time) for tree in trees]
    yield at_most("compile a rule", median(compiled) * 1000, 1, " ms", "median of 1,000 rules")
    conditions = [compile_condition(tree) for tree in trees]
    chance = random.Random(6)
    times = []
    for _study in range(15):
        raw = language_pairs.make_facts(chance)
        times.append(seconds(partial(evaluate, conditions, raw), time.thread_time))
    spread = around([1000 * each for each in times])
    yield at_most(
        "1,000 rules on a study",
        median(times) * 1000,
        25,
        " ms",
        "one core, 15 studies",
        spread=spread,
    )


def evaluate(conditions: list[Any], raw: dict[str, Any]) -> None:
    facts = StudyFacts(raw["study"], raw["series"])
    for condition in conditions:
        decide(condition, facts, now=NOW)


def hostile() -> Row:
    facts = StudyFacts(
        {"StudyDescription": "aab" * 80}, [{"Modality": "a" * 64, "ImageType": "a\\b"}]
    )
    slowest = 0.0
    for text in hostile_rules(2000):
        slowest = max(slowest, seconds(partial(parse, text), time.thread_time))
        tree = parse(text).tree
        if tree is not None:
            condition = compile_condition(tree)
            slowest = max(
                slowest, seconds(partial(decide, condition, facts, now=NOW), time.thread_time)
            )
    setting = "the slowest of 2,000 hostile rules, parsed and decided"
    return at_most("a hostile rule", slowest * 1000, 50, " ms", setting)


def replay(console: ConsoleServer, count: int) -> Row:
    """Report studies as a node does, then replay a changed rule over them."""
    token = console.create_node("history")
    for first in range(0, count, BATCH):
        events = [study_event(number) for number in range(first, first + BATCH)]
        body = {
            "protocol": 1,
            "instance": "bench",
            "boot": "bench",
            "config_revision": None,
            "wait": 0,
        }
        answer = requests.post(
            f"{console.url}/api/agent/v1/sync",
            json={**body, "events": events},
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )
        answer.raise_for_status()
    expression = (
        'Modality in ["CT", "MR"] and StudyDescription =~~ "(?i)thorax" and PatientAgeYears >= 18'
    )
    started = time.perf_counter()
    said = console.post("/rules/backtest/", {"expression": expression})
    while said["state"] == "running":
        said = console.post("/rules/backtest/", {"id": said["id"]})
    taken = time.perf_counter() - started
    setting = f"{said['seen']:,} studies replayed over HTTP on SQLite, as 100,000"
    return at_most("replay of 100,000 studies", taken * 100_000 / said["seen"], 10, " s", setting)


def study_event(number: int) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    raw = language_pairs.make_facts(random.Random(number))
    study = {
        "orthanc_id": f"study-{number}",
        "study_instance_uid": f"1.2.{number}",
        "patient_id": str(number),
        "patient_name": "",
        "accession_number": "",
        "study_date": "",
        "study_description": "",
        "modalities": ["CT"],
        "instance_count": 100,
        "series_count": len(raw["series"]),
        "size_bytes": 50_000_000,
        "source_aet": "CT1",
        "received_at": at,
        "stable_at": at,
        "facts": raw,
    }
    return {
        "id": str(uuid.UUID(int=number + 1)),
        "seq": number + 1,
        "kind": "study.stable",
        "at": at,
        "data": {"study": study},
    }
