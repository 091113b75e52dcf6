"""What is written down of one C-MOVE: at its beginning and at its end."""

from __future__ import annotations

import sqlite3
from typing import Any

from intercept.plugin.choice import Verdict
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found
from intercept.plugin.store import Webhook, WebhookStore
from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger


class Report:
    """REQUEST of docs/protocol.md, events of intercept. Only the first end counts."""

    def __init__(
        self, store: WebhookStore, request: MoveRequest, found: Found, *, synchronous: bool
    ) -> None:
        self._store = store
        self._ended = False
        self._data: dict[str, Any] = {
            "id": request.id,
            "received_at": clock.iso(request.received_at),
            "finished_at": None,
            "level": request.level,
            "patient_id": request.patient_id or found.values("PatientID"),
            "accession_number": request.accession_number or found.values("AccessionNumber"),
            "study_instance_uid": request.study_instance_uid or found.values("StudyInstanceUID"),
            "series_instance_uid": request.series_instance_uid,
            "sop_instance_uid": request.sop_instance_uid,
            "source_aet": request.source_aet,
            "target_aet": request.target_aet,
            "originator_aet": request.originator_aet,
            "originator_id": request.originator_id,
            "remote_ip": request.remote_ip,
            "studies": list(found.studies),
            "synchronous": synchronous,
            "instance_count": len(found.instances),
            "sent_count": 0,
            "outcome": "running",
            "detail": "",
            "answers": [],
        }

    def begin(self, webhooks: list[Webhook]) -> None:
        """Keep the request, and the webhooks that are to be told of it.

        Raises:
            sqlite3.Error: nothing was written.
        """
        self._store.begin_move(self._data, webhooks)

    def add_answer(self, webhook: Webhook, said: Verdict) -> None:
        """Note what a target said before the move went on, or did not."""
        answer = {"delivery": webhook.id, "target": webhook.target, "name": webhook.target_name}
        words = {"mode": webhook.mode, "allowed": said.allowed, "words": said.words}
        self._data["answers"] = [*self._data["answers"], {**answer, **words}]

    def end(self, outcome: str, detail: str, sent: int = 0) -> None:
        """Write down how it ended. That this fails must not change what the requester is told."""
        if self._ended:
            return
        self._ended = True
        at = clock.iso(clock.now())
        self._data |= {
            "outcome": outcome,
            "detail": detail,
            "sent_count": sent,
            "finished_at": at,
        }
        try:
            self._store.end_move(self._data)
        except sqlite3.Error as error:
            logger.error("the end of C-MOVE %s could not be recorded: %s", self._data["id"], error)
