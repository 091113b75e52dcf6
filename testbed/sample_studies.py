"""Studies and deliveries of `testbed.sample_data`: made up, with failures among successes."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from orthanc_console.agent.models import Event
from orthanc_console.nodes.models import Node
from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse
from routing.models import Attempt, Delivery, DeliveryRule, Destination, Rule, Study
from routing.models.delivery import State
from routing.models.destination import Verify

BATCH = 400

PATIENTS = (
    *(
        "Müller^Hans-Peter",
        "Nguyễn^Thị Minh",
        "Okonkwo^Adaeze^Chidinma",
        "Doe^Jane",
        "Sánchez de la Fuente^María",
    ),
    *(
        "Kowalczyk^Agnieszka",
        "Smith^John^^Dr",
        "Yamada^Tarou=山田^太郎",
        "Le Goff^Yann",
        "Ó Briain^Caoimhe",
    ),
)
LUNG = "Low dose lung screening"
DESCRIPTIONS = {
    "CT": (
        "Thorax/Abdomen mit Kontrastmittel, portalvenös",
        "Schädel nativ",
        "CT Angiographie Aorta",
        "Low dose lung screening",
    ),
    "MR": (
        "Knie rechts, ohne und mit KM",
        "MRT Schädel Epilepsie-Protokoll 3T",
        "Prostate multiparametric",
        "Cardiac stress perfusion",
    ),
    "CR": ("Thorax p.a. im Stehen", "Hand links in 2 Ebenen"),
    "US": ("Abdomen", "Echokardiographie transthorakal"),
    "MG": ("Screening bilateral CC/MLO",),
}
NIGHT = 'Error in the network protocol: DicomAssociation - connecting to AET "TELERAD_NIGHT":'
ERRORS = (
    (9, f"{NIGHT} TCP Initialization Error: Connection refused"),
    (9, f"{NIGHT} DUL Association Rejected"),
    (9, f"{NIGHT} DUL network read timeout"),
    (
        9,
        'Error in the network protocol: C-STORE SCU to AET "TELERAD_NIGHT" has failed with DIMSE status 0xA700',
    ),
    (2014, "Unable to determine the SOP class/instance for C-STORE with AET TELERAD_NIGHT"),
)


def make_studies(
    chance: random.Random, made_nodes: list[Node], count: int, now: datetime
) -> list[Study]:
    studies = [_study(chance, made_nodes, number, now) for number in range(count)]
    for study in studies:
        study.fill_search_text()
    Study.objects.bulk_create(studies, batch_size=BATCH)
    return studies


def _study(chance: random.Random, made_nodes: list[Node], number: int, now: datetime) -> Study:
    modality = chance.choice(list(DESCRIPTIONS)) if number else "CT"
    received = now - timedelta(minutes=4 * number + 4, seconds=chance.randrange(60))
    patient = f"{chance.randrange(10**7):07d}"
    description = chance.choice(DESCRIPTIONS[modality]) if number else LUNG
    series = chance.randrange(1, 12)
    facts = {
        "PatientID": patient, "StudyDescription": description, "RemoteAET": f"{modality}_SCANNER_2",
        "StudyDate": f"{received:%Y%m%d}", "PatientBirthDate": "19610402",
        "SeriesCount": series,
    }  # fmt: skip
    return Study(
        node=made_nodes[0] if number % 5 else made_nodes[1],
        orthanc_id=f"{uuid.UUID(int=chance.getrandbits(128))}",
        study_instance_uid=f"1.2.276.0.7230010.3.1.2.{chance.randrange(10**18)}.{number}",
        patient_id=patient,
        patient_name=chance.choice(PATIENTS),
        accession_number=f"A{20_260_000 + number}",
        study_date=date.fromordinal(received.toordinal()),
        study_description=description,
        modalities=[modality] if number % 9 else [modality, "SR"],
        instance_count=chance.choice((2, 24, 312, 1180, 2604)),
        series_count=series,
        size_bytes=chance.randrange(10**6, 3 * 10**9),
        source_aet=f"{modality}_SCANNER_2",
        facts={
            "study": facts,
            "series": [
                {
                    "Modality": modality,
                    "SeriesNumber": index,
                    "SeriesDescription": f"{description[:20]} {index}",
                }
                for index in range(1, series + 1)
            ],
        },
        received_at=received,
        stable_at=received + timedelta(seconds=75),
        reported_at=received + timedelta(seconds=76),
    )


def make_deliveries(
    chance: random.Random, studies: list[Study], rules: list[Rule], now: datetime
) -> None:
    deliveries: list[Delivery] = []
    links: list[DeliveryRule] = []
    attempts: list[Attempt] = []
    target = {rule: rule.destinations.order_by("pk")[0] for rule in rules}
    for study in studies:
        for rule in _matching(chance, study, rules):
            delivery = _delivery(chance, len(deliveries), study, target[rule], now)
            deliveries.append(delivery)
            links.append(
                DeliveryRule(
                    delivery=delivery, rule=rule, rule_name=rule.name, revision=rule.revision
                )
            )
            attempts += _attempts(chance, delivery)
    Delivery.objects.bulk_create(deliveries, batch_size=BATCH)
    DeliveryRule.objects.bulk_create(links, batch_size=BATCH)
    Attempt.objects.bulk_create(attempts, batch_size=BATCH)


def _matching(chance: random.Random, study: Study, rules: list[Rule]) -> list[Rule]:
    archive, vna, telerad, mammo, research, _ultrasound = rules
    modality, night = study.modalities[0], chance.random() < 0.4
    wanted = {
        archive: True,
        vna: modality in ("CT", "MR"),
        telerad: modality == "CT" and night,
        mammo: modality == "MG",
        research: study.study_description == LUNG,
    }
    return [rule for rule, matches in wanted.items() if matches]


def _delivery(
    chance: random.Random, number: int, study: Study, destination: Destination, now: datetime
) -> Delivery:
    state = _state(chance, number, destination)
    created = (study.stable_at or now) + timedelta(seconds=1 + number % 3)
    arrived = created + timedelta(seconds=chance.randrange(2, 90))
    done = state in (State.DELIVERED, State.VERIFIED)
    failing = state == State.FAILED or (state == State.WAITING and number % 2)
    error = chance.choice(ERRORS)[1] if failing else ""
    reasons = {State.SKIPPED: "dry_run", State.HELD: "paused", State.FAILED: "gave_up"}
    untried = state in (State.HELD, State.SKIPPED)
    return Delivery(
        id=uuid.UUID(int=chance.getrandbits(128), version=4),
        node=study.node, study=study, destination=destination, destination_name=destination.name,
        state=state, reason=reasons.get(state, ""), attempts=0 if untried else 5 if error else 1,
        instance_count=study.instance_count, delivered_count=study.instance_count if done else 0,
        next_attempt_at=now + timedelta(seconds=250) if state == State.WAITING and error else None,
        last_error=error, created_at=created, state_changed_at=min(arrived, now),
        delivered_at=arrived if done else None,
        verified_at=arrived if state == State.VERIFIED else None,
    )  # fmt: skip


def _state(chance: random.Random, number: int, destination: Destination) -> State:
    if destination.name == "research-anonymizer":
        return State.SKIPPED
    if destination.paused and number < 900:
        return State.HELD
    if number < 24:
        return chance.choice((State.WAITING, State.SENDING, State.DELIVERED))
    if number % 197 == 0 or (destination.name == "TELERAD_NIGHT" and number % 7 == 0):
        return State.FAILED
    return State.VERIFIED if destination.verify == Verify.COUNT else State.DELIVERED


def _attempts(chance: random.Random, delivery: Delivery) -> Iterator[Attempt]:
    for number in range(1, delivery.attempts + 1):
        running = delivery.state == State.SENDING and number == delivery.attempts
        failed = bool(delivery.last_error) and not running
        code, words = chance.choice(ERRORS) if failed else (None, "")
        if failed and number == delivery.attempts:
            words = delivery.last_error
            code = next(each for each, said in ERRORS if said == words)
        started = delivery.created_at + timedelta(seconds=40 * number)
        yield Attempt(
            delivery=delivery, number=number, started_at=started,
            finished_at=None if running else started + timedelta(milliseconds=chance.randrange(300, 14_000)),
            job_id=str(uuid.UUID(int=chance.getrandbits(128))), error=words, error_code=code,
            outcome="running" if running else "failed" if failed else "succeeded",
        )  # fmt: skip


def make_history(study: Study, rules: list[Rule]) -> None:
    """Events of one study, as its node would have reported them."""
    seq = 1000
    stable = study.stable_at or study.reported_at

    def add(
        kind: str, at: datetime, data: dict[str, Any], delivery: Delivery | None = None
    ) -> None:
        nonlocal seq
        seq += 1
        Event.objects.create(
            id=uuid.uuid4(), node=study.node, seq=seq, kind=kind, at=at, received_at=at,
            study=study, delivery=delivery, data=data,
        )  # fmt: skip

    add("study.stable", stable, {"study": {"instance_count": study.instance_count}})
    decisions = [_decision(rule, study, stable) for rule in rules if rule.enforcement != "disabled"]
    add("rules.evaluated", stable, {"study": study.orthanc_id, "decisions": decisions})
    for delivery in study.deliveries.order_by("created_at"):
        for state in dict.fromkeys((State.WAITING, State.SENDING, State(delivery.state))):
            stable += timedelta(seconds=2)
            report = {"state": state, "destination_name": delivery.destination_name, "attempts": 1}
            add("delivery.changed", stable, {"delivery": report}, delivery)


def _decision(rule: Rule, study: Study, at: datetime) -> dict[str, Any]:
    facts = StudyFacts(study.facts["study"], study.facts["series"])
    condition = compile_condition(parse(rule.expression).tree)
    decision = decide(condition, facts, level=rule.level, now=at)
    names = ", ".join(each.name for each in rule.destinations.all())
    matched = decision.result == "match"
    return {
        "rule": rule.pk, "name": rule.name, "revision": rule.revision, "enforcement": rule.enforcement,
        "result": decision.result, "explanation": decision.explanation,
        "outcome": f"to {names}" if matched else "",
    }  # fmt: skip
