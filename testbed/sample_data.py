"""Fills a console's database as a hospital would have it after some weeks: long names, large counts, failures among successes.

For pictures and for looking at pages; made up throughout. `fill()` needs an empty, migrated database.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from orthanc_console.accounts import services as accounts
from orthanc_console.accounts.models import Role, User
from orthanc_console.nodes import services as nodes
from orthanc_console.nodes.models import Command, ConfigRevision, Node
from routing.models import Act, Delivery, Destination, Lane, Rule, Study
from routing.models.delivery import State
from routing.models.destination import Kind, Source, Verify
from routing.services import deliveries as delivery_services
from routing.services import destinations as destination_services
from routing.services import rules as rule_services
from testbed import sample_moves, sample_purges
from testbed.sample_studies import ERRORS, make_deliveries, make_history, make_studies

PASSWORD = "a password for pictures"
STUDIES = 6500


@dataclass(frozen=True)
class Site:
    """What was made, for whoever needs to find it again."""

    admin: User
    nodes: list[Node]
    destinations: list[Destination]
    rules: list[Rule]
    failed: Delivery
    study: Study
    act: Act
    moves: sample_moves.Moves
    purges: sample_purges.Purges


def fill(now: datetime | None = None, count: int = STUDIES) -> Site:
    """Make users, nodes, destinations, rules, studies and deliveries; returns those that pages show best."""
    moment = now or timezone.now()
    chance = random.Random(2026)
    admin = _users()
    made_nodes = _nodes(admin, moment)
    destinations = _destinations(admin, made_nodes)
    rules = _rules(admin, destinations, moment)
    studies = make_studies(chance, made_nodes, count, moment)
    make_deliveries(chance, studies, rules, moment)
    _lanes(made_nodes, destinations, moment)
    failed = (
        Delivery.objects.filter(state=State.FAILED)
        .select_related("study")
        .order_by("-created_at")[0]
    )
    study = studies[0]
    make_history(study, rules)
    act = _act(admin, destinations[1])
    moves = sample_moves.fill(chance, admin, made_nodes, studies, moment)
    purges = sample_purges.fill(chance, admin, made_nodes, destinations, studies, moment)
    return Site(admin, made_nodes, destinations, rules, failed, study, act, moves, purges)


def _users() -> User:
    admin = User(username="a.weber", first_name="Annika", last_name="Weber", role=Role.ADMIN)
    accounts.create_user(None, admin, PASSWORD, actor_name="command line")
    for name, first, last, role in (
        ("t.okafor", "Tobenna", "Okafor", Role.OPERATOR),
        ("radiology-night-shift", "", "", Role.OPERATOR),
        ("m.lindqvist", "Maja", "Lindqvist", Role.VIEWER),
    ):
        user = User(username=name, first_name=first, last_name=last, role=role)
        accounts.create_user(admin, user, PASSWORD)
    accounts.issue_token(admin, admin, "nightly report")
    accounts.issue_token(admin, admin, "Grafana dashboard, 3rd floor")
    return admin


def _nodes(admin: User, now: datetime) -> list[Node]:
    made = []
    for name, version, seen, warnings in (
        ("main", "1.12.7", 2, []),
        ("CT department, building C", "1.13.0", 4, []),
        (
            "teleradiology-gateway",
            "1.10.1",
            5400,
            [
                {
                    "code": "jobs_history",
                    "message": "JobsHistorySize is 10, so the outcome of a job may be gone before it is read. "
                    "Such a job counts as lost and is sent again. Set it to 1000 or more.",
                }
            ],
        ),
    ):
        node, _secret = nodes.create(admin, name)
        node.last_seen_at = now - timedelta(seconds=seen)
        node.orthanc_version, node.plugin_version = version, "0.1.0"
        node.warnings = warnings
        node.status = {
            "orthanc_name": name.title(), "python_version": "3.13.5", "python_plugin_version": "5.0",
            "dicom_aet": "ORTHANC_MAIN", "dicom_port": 4242, "http_port": 8042, "outbox": 0,
            "settings": {"StableAge": 60, "ConcurrentJobs": 4, "JobsHistorySize": 1000, "SaveJobs": True,
                         "TcpNoDelay": True},
        }  # fmt: skip
        node.save()
        made.append(node)
    return made


def _modality(name: str, host: str, port: int) -> dict[str, Any]:
    return {"name": name, "kind": Kind.MODALITY, "aet": name[:16], "host": host, "port": port}


def _destinations(admin: User, made_nodes: list[Node]) -> list[Destination]:
    main, ct_department, _gateway = made_nodes
    own = [
        Destination(
            **_modality("PACS_ARCHIVE", "pacs.radiology.example.org", 104), verify=Verify.COUNT
        ),
        Destination(
            **_modality("TELERAD_NIGHT", "10.40.2.17", 11112),
            hours="mon-fri 18:00-07:00, sat-sun 00:00-24:00",
        ),
        Destination(
            name="research-anonymizer",
            kind=Kind.PEER,
            url="https://orthanc.research.example.org:8042/",
            username="console",
            password="x",
        ),
        Destination(
            name="VNA_STOW",
            kind=Kind.DICOMWEB,
            url="https://vna.example.org/dicom-web/studies-archive-2026/",
            max_in_flight=4,
        ),
        Destination(
            **_modality("MAMMO_WORKSTATION_LEFT_OF_WINDOW", "10.20.7.41", 104), paused=True
        ),
    ]
    for each in own:
        destination_services.save(admin, each, nodes=[])
    found = [
        Destination(**_modality("ADVANTAGE", "10.20.7.8", 4006), source=Source.ORTHANC),
        Destination(
            name="ct-buffer", kind=Kind.PEER, url="http://10.20.7.9:8042/", source=Source.ORTHANC
        ),
    ]
    for each, node in zip(found, (main, ct_department), strict=True):
        each.save()
        each.nodes.set([node])
    return own + found


def _rules(admin: User, destinations: list[Destination], now: datetime) -> list[Rule]:
    archive, telerad, research, vna, mammo, *_found = destinations
    written: tuple[tuple[str, str, list[Destination], dict[str, Any]], ...] = (
        ("Everything to the archive", "true", [archive], {}),
        (
            "CT and MR to the VNA, but not what came from there",
            'Modality in ["CT", "MR"] and RemoteAET != "VNA"',
            [vna],
            {},
        ),
        (
            "Emergency CT at night to teleradiology",
            'Modality == "CT" and StudyDescription =~~ "(?i)schädel|angio" and SeriesCount < 12',
            [telerad],
            {"priority": "urgent"},
        ),
        ("Mammography to the workstation", 'Modality == "MG"', [mammo], {"level": "series"}),
        (
            "Lung screening for research, 50 years and older",
            'StudyDescription =~~ "lung screening" and PatientAgeYears >= 50 and SliceThickness < 2',
            [research, vna],
            {"enforcement": "dry_run"},
        ),
        ("Old ultrasound rule", 'Modality == "US"', [archive], {"enforcement": "disabled"}),
    )
    made = []
    for number, (name, expression, chosen, values) in enumerate(written):
        rule = Rule(name=name, expression=expression, **values)
        made.append(rule_services.save(admin, rule, destinations=chosen))
        if values.get("enforcement") != "disabled":
            rule.last_matched_at = now - timedelta(minutes=3 + 50 * number)
            rule.save(update_fields=["last_matched_at"])
    made[2].expression = made[2].expression.replace("schädel|angio", "schädel|angio|polytrauma")
    rule_services.save(
        admin, made[2], destinations=[telerad], reason="The night shift also reads trauma scans."
    )
    Node.objects.update(config_revision=ConfigRevision.current())
    return made


def _lanes(made_nodes: list[Node], destinations: list[Destination], now: datetime) -> None:
    busy = {"state": Lane.State.SENDING, "in_flight": 2, "progress": [82, 35], "waiting": 6}
    failing = {
        "state": Lane.State.FAILING, "breaker": "open", "waiting": 128, "last_error": ERRORS[0][1],
        "next_attempt_at": now + timedelta(minutes=4), "last_success_at": now - timedelta(minutes=72),
    }  # fmt: skip
    held = {"state": Lane.State.HELD, "waiting": 31, "last_success_at": None}
    for index, destination in enumerate(destinations):
        values: dict[str, Any] = {"last_success_at": now - timedelta(minutes=2)}
        if destination.name == "PACS_ARCHIVE":
            values |= busy
        elif destination.name == "TELERAD_NIGHT":
            values |= failing
        elif destination.paused:
            values |= held
        for node in made_nodes[: 1 + index % 2]:
            Lane.objects.create(node=node, destination=destination, **values)


def _act(admin: User, destination: Destination) -> Act:
    """Many retried at once: one node has answered in part, another is offline."""
    rows = Delivery.objects.filter(destination=destination, state=State.FAILED)
    report = delivery_services.retry(admin, rows.select_related("node"))
    for command in Command.objects.filter(pk__in=report.act.commands, node__name="main"):
        asked = command.data["deliveries"]
        gone = "The node does not know this delivery any more."
        refused = [{"id": each, "reason": gone} for each in asked[-2:]]
        command.result = {"done": asked[:-2], "skipped": refused}
        command.finished_at, command.ok = timezone.now(), True
        command.save()
    return report.act
