"""What happens when Orthanc receives a C-MOVE: recorded, the webhooks told or asked, then sent as Orthanc would."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from typing import Any

from intercept.plugin import choice, message
from intercept.plugin.choice import Chosen
from intercept.plugin.dispatcher import Dispatcher
from intercept.plugin.passthrough import SendFailed, Sending
from intercept.plugin.report import Report
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found, Resolver
from intercept.plugin.store import Webhook, WebhookStore
from intercept.plugin.target import Target
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancDown, OrthancError
from orthanc_console.plugin.warnings import Warnings
from routing.plugin.studies import read_study

# Seconds for which a C-MOVE waits for webhooks: it holds one of Orthanc's few DICOM threads.
DEADLINE = 3.0


class Refused(Exception):
    """The C-MOVE is refused; the message says why, without patient data."""


class Move:
    """A C-MOVE that was let through. Orthanc asks for its `size` and then calls `apply` once for each sub-operation.

    Args:
        sending: None when there is nothing to send, or Orthanc sends it in the background.
        size: number of sub-operations.
    """

    def __init__(self, report: Report, sending: Sending | None, size: int) -> None:
        self._report = report
        self._sending = sending
        self._applied = 0
        self.size = size

    def apply(self) -> None:
        """Send at least one image more.

        Raises:
            SendFailed: it could not be sent.
        """
        self._applied += 1
        if self._sending is None:
            return
        try:
            self._sending.send_until(self._applied)
        except (SendFailed, OrthancDown) as error:
            self._report.end("failed", str(error), self._sending.sent)
            raise SendFailed(str(error)) from error
        if self._sending.sent == self.size:
            self._report.end("sent", "", self.size)

    def free(self) -> None:
        """Orthanc is done with it: at the end, or because who asked has cancelled or is gone."""
        if self._sending is not None:
            words = "The requester cancelled, or closed the connection."
            self._report.end("cancelled", words, self._sending.sent)


class Interceptor:
    """Handles C-MOVEs, each in a thread of Orthanc's DICOM server.

    Args:
        synchronous: Orthanc's setting `SynchronousCMove`.
        threads: Orthanc's setting `DicomThreadsCount`; at most half of them wait for webhooks.
    """

    def __init__(
        self,
        store: WebhookStore,
        dispatcher: Dispatcher,
        orthanc: OrthancClient,
        resolver: Resolver,
        warnings: Warnings,
        synchronous: bool,
        threads: int,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._orthanc = orthanc
        self._warnings = warnings
        self._synchronous = synchronous
        self._resolver = resolver
        self.most_waiting = threads // 2
        self._slots = threading.BoundedSemaphore(self.most_waiting) if self.most_waiting else None
        self.targets: list[Target] = []
        self.node = ""

    def begin(self, request: MoveRequest) -> Move:
        """Decide what becomes of a C-MOVE.

        Raises:
            Refused: nothing is sent, and the requester is to be told so.
        """
        try:
            return self._begin(request)
        except OrthancDown as error:
            raise Refused(f"Orthanc's HTTP server does not answer: {error}") from error

    def _begin(self, request: MoveRequest) -> Move:
        found = self._resolver.find(request)
        chosen = choice.choose(self.targets, request, found, self._read_facts, self.node)
        webhooks = self._webhooks(request, found, chosen)
        asked = [each for each in webhooks if each[0].asks and each[1].state == "waiting"]
        report = Report(self._store, request, found, synchronous=self._synchronous)
        self._dispatcher.reserve([webhook for _target, webhook in asked])
        try:
            self._record(report, [webhook for _target, webhook in webhooks])
        except Refused:
            self._dispatcher.release([webhook for _target, webhook in asked])
            raise
        self._dispatcher.wake.set()
        try:
            return self._decide(request, found, report, asked)
        except Exception as error:
            # Whatever has ended it already, the first end counts.
            report.end("failed", f"{type(error).__name__}: {error}")
            raise

    def _decide(
        self,
        request: MoveRequest,
        found: Found,
        report: Report,
        asked: list[tuple[Target, Webhook]],
    ) -> Move:
        refusal = self._ask(report, asked)
        if refusal:
            report.end("refused", refusal)
            raise Refused(refusal)
        if any(target.mode == "replace" for target, _webhook in asked):
            report.end("replaced", "A webhook was told instead of sending anything.")
            return Move(report, None, 0)
        return self._pass_through(request, found, report)

    def _webhooks(
        self, request: MoveRequest, found: Found, chosen: list[Chosen]
    ) -> list[tuple[Target, Webhook]]:
        about = message.of_request(request, found, self.node) if chosen else {}
        return [(each.target, self._webhook(request, about, each.target)) for each in chosen]

    @staticmethod
    def _webhook(request: MoveRequest, about: dict[str, Any], target: Target) -> Webhook:
        body = {**about["body"], "data": {**about["body"]["data"], "mode": target.mode}}
        webhook = Webhook(
            target=target.id,
            target_name=target.name,
            mode=target.mode,
            message={**about, "body": body},
            move_request=request.id,
        )
        if target.enforcement == "dry_run":
            return replace(webhook, state="skipped", reason="dry_run")
        return webhook

    def _record(self, report: Report, webhooks: list[Webhook]) -> None:
        try:
            report.begin(webhooks)
        except sqlite3.Error as error:
            self._warnings.set(
                "intercept_record",
                f"A C-MOVE could not be written into the state file: {error}. C-MOVEs that concern a webhook target are "
                "refused until it can; the others are served and missing from the history. Look for a full disk.",
            )
            if webhooks:
                raise Refused("The plugin cannot write its state file.") from error
        else:
            self._warnings.clear("intercept_record")

    def _ask(self, report: Report, asked: list[tuple[Target, Webhook]]) -> str:
        """Ask gates and what replaces the move, all at once; returns why the move is refused, or nothing."""
        if not asked:
            return ""
        if self._slots is None or not self._slots.acquire(blocking=False):
            self._dispatcher.release([webhook for _target, webhook in asked])
            return self._judge(
                report, [(target, webhook, None) for target, webhook in asked], False
            )
        try:
            started = time.monotonic()
            attempts = [self._dispatcher.start(webhook, target) for target, webhook in asked]
            answers = []
            for attempt in attempts:
                patience = min(DEADLINE, attempt.target.timeout_seconds)
                left = max(0.0, started + patience - time.monotonic())
                reply = attempt.reply if attempt.done.wait(left) else None
                answers.append((attempt.target, attempt.webhook, reply))
        finally:
            self._slots.release()
        return self._judge(report, answers, True)

    @staticmethod
    def _judge(report: Report, answers: list[tuple[Target, Webhook, Any]], waited: bool) -> str:
        refusals = []
        for target, webhook, reply in answers:
            said = choice.verdict(target, reply, waited)
            report.add_answer(webhook, said)
            if not said.allowed:
                refusals.append(f"{target.name}: {said.words}")
        return " ".join(refusals)

    def _pass_through(self, request: MoveRequest, found: Found, report: Report) -> Move:
        modality = self._resolver.modality(request.target_aet)
        problem = ""
        if not found.instances:
            problem = "Nothing that is stored here matches the request."
        elif modality is None:
            problem = "Orthanc has no modality with the AE title of the target."
        if problem or modality is None:
            report.end("failed", problem)
            raise Refused(problem)
        sending = Sending(self._orthanc, modality, found.instances, request)
        try:
            if self._synchronous:
                sending.send_until(1)
            else:
                job = sending.submit()
        except (SendFailed, OrthancDown) as error:
            report.end("failed", str(error), sending.sent)
            raise Refused(str(error)) from error
        if self._synchronous:
            return Move(report, sending, sending.size)
        report.end("queued", f"Orthanc sends it in the background, as job {job}.")
        return Move(report, None, sending.size)

    def _read_facts(self, study: str, tags: set[str]) -> dict[str, Any]:
        try:
            return read_study(self._orthanc, study, tags, self.node).facts
        except OrthancError as error:
            logger.error("study %s cannot be read for webhook targets: %s", study, error)
            return {"study": {}, "series": []}
