"""What a webhook tells: the JSON document of docs/intercept.md, and the values that templates may name."""

from __future__ import annotations

from typing import Any

from intercept.plugin.request import MoveRequest, split
from intercept.plugin.resolve import Found
from orthanc_console.plugin import clock

ASKED, TEST = "move.requested", "test"


def of_request(request: MoveRequest, found: Found, node: str) -> dict[str, Any]:
    """The message about a C-MOVE: `{"body", "values"}`. Values that the request leaves out come from what is stored here."""

    def known(value: str, keyword: str) -> str:
        return value or found.values(keyword)

    study = known(request.study_instance_uid, "StudyInstanceUID")
    patient = known(request.patient_id, "PatientID")
    accession = known(request.accession_number, "AccessionNumber")
    data = {
        "request_id": request.id,
        "node": node,
        "level": request.level,
        "patient_id": patient,
        "accession_number": accession,
        "study_instance_uids": split(study),
        "series_instance_uids": split(request.series_instance_uid),
        "sop_instance_uids": split(request.sop_instance_uid),
        "originator_aet": request.originator_aet,
        "originator_id": request.originator_id,
        "source_aet": request.source_aet,
        "target_aet": request.target_aet,
        "remote_ip": request.remote_ip,
        "stored": bool(found.instances),
        "instance_count": len(found.instances),
    }
    values = {
        "study_uid": study,
        "series_uid": request.series_instance_uid,
        "sop_uid": request.sop_instance_uid,
        **{name: data[name] for name in ("patient_id", "accession_number", "level", "node")},
        **{name: data[name] for name in ("source_aet", "target_aet", "originator_aet")},
        **{name: data[name] for name in ("originator_id", "remote_ip", "request_id")},
    }
    return _message(ASKED, request.received_at, data, values)


def of_test(ident: str, node: str) -> dict[str, Any]:
    """A message that looks like one about a C-MOVE, of nobody's study."""
    request = MoveRequest(
        level="STUDY",
        patient_id="TEST",
        accession_number="",
        study_instance_uid="1.2.3.4",
        series_instance_uid="",
        sop_instance_uid="",
        source_aet="TEST",
        target_aet="TEST",
        originator_aet="TEST",
        originator_id=1,
        id=ident,
    )
    message = of_request(request, Found(), node)
    return _message(TEST, request.received_at, message["body"]["data"], message["values"])


def _message(kind: str, at: float, data: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    when = clock.iso(at)
    return {
        "body": {"type": kind, "timestamp": when, "data": data},
        "values": {**values, "received_at": when, "type": kind},
    }
