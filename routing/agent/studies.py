"""Studies as a node reports them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from orthanc_console.agent import reading
from orthanc_console.agent.messages import Incoming
from orthanc_console.agent.reading import BadData
from orthanc_console.nodes.models import Node
from routing.models import Study

LONGEST_ID = 44
REPORTED = (
    *("study_instance_uid", "patient_id", "patient_name", "accession_number", "study_date"),
    *("study_description", "modalities", "instance_count", "series_count", "size_bytes"),
    *("source_aet", "facts", "received_at", "stable_at", "deleted_at", "reported_at", "last_seq"),
    "search_text",
)
# What the timeline shows of a report; the rest is in the study itself, and would be kept twice.
KEPT_IN_EVENT = ("instance_count", "series_count", "size_bytes", "source_aet")


def orthanc_id(data: reading.Data) -> str:
    """The study that an event is about."""
    return reading.needed_text(data, "study", LONGEST_ID)


def take_studies(node: Node, events: list[Incoming]) -> None:
    """Create or update the studies of `study.stable` events, and link each event to its study."""
    now = timezone.now()
    newest: dict[str, Study] = {}
    of_event: dict[int, str] = {}
    for event in events:
        try:
            study = _read(node, reading.mapping(event.data, "study"), event.seq, now)
        except BadData as error:
            event.problem = str(error)
            continue
        of_event[id(event)] = study.orthanc_id
        event.data = {"study": {name: getattr(study, name) for name in KEPT_IN_EVENT}}
        known = newest.get(study.orthanc_id)
        if known is None or known.last_seq < study.last_seq:
            newest[study.orthanc_id] = study
    stored = _stored(node, newest)
    fresh = [
        each for each in newest.values() if stored.get(each.orthanc_id, (0, -1))[1] < each.last_seq
    ]
    Study.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["node", "orthanc_id"],
        update_fields=REPORTED,
    )
    links = {key: pk for key, (pk, _seq) in stored.items()}
    links |= {each.orthanc_id: each.pk for each in fresh}
    for event in events:
        if id(event) in of_event:
            event.study_id = links[of_event[id(event)]]


def links_to_studies(node: Node, orthanc_ids: Iterable[str]) -> dict[str, int]:
    """The primary keys of studies; one that was not reported yet gets a row, which its report will fill."""
    wanted = set(orthanc_ids)
    links = {key: pk for key, (pk, _seq) in _stored(node, wanted).items()}
    now = timezone.now()
    missing = [
        Study(node=node, orthanc_id=key, reported_at=now, last_seq=-1)
        for key in sorted(wanted - links.keys())
    ]
    Study.objects.bulk_create(missing)
    return links | {each.orthanc_id: each.pk for each in missing}


def _stored(node: Node, orthanc_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    rows = Study.objects.filter(node=node, orthanc_id__in=list(orthanc_ids))
    return {key: (pk, seq) for key, pk, seq in rows.values_list("orthanc_id", "pk", "last_seq")}


def _read(node: Node, data: dict[str, Any], seq: int, now: datetime) -> Study:
    facts = reading.mapping(data, "facts")
    study = Study(
        node=node,
        orthanc_id=reading.needed_text(data, "orthanc_id", LONGEST_ID),
        study_instance_uid=reading.text(data, "study_instance_uid", 64),
        patient_id=reading.text(data, "patient_id", 64),
        patient_name=reading.text(data, "patient_name", 325),
        accession_number=reading.text(data, "accession_number", 64),
        study_date=reading.day(data, "study_date"),
        study_description=reading.text(data, "study_description", 255),
        modalities=reading.texts(data, "modalities", 16),
        instance_count=reading.count(data, "instance_count"),
        series_count=reading.count(data, "series_count"),
        size_bytes=reading.number(data, "size_bytes", reading.LARGEST_NUMBER),
        source_aet=reading.text(data, "source_aet", 64),
        facts={
            "study": reading.mapping(facts, "study"),
            "series": reading.mappings(facts, "series"),
        },
        received_at=reading.moment(data, "received_at"),
        stable_at=reading.moment(data, "stable_at"),
        reported_at=now,
        last_seq=seq,
    )
    study.fill_search_text()
    return study
