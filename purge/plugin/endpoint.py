"""`/purge-old-studies?since=YYYYMMDD` on Orthanc, as scripts know it: inclusive, 200 with the number, 400 without a real date."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from orthanc_console.plugin.core import Reply
from purge.plugin.capability import Purge
from purge.plugin.executor import is_open
from purge.plugin.spec import real_date

ALLOWED = "GET,POST"
# Each call that waits holds one of Orthanc's HTTP threads, and the executor needs some, too.
MOST_WAITING = 4
# Seconds after which a call that waits is answered; its run goes on.
PATIENCE = 3600.0
LOOK = 1.0


class Endpoint:
    """Answers calls; they come in threads of Orthanc, several at once."""

    def __init__(self, purge: Purge) -> None:
        self._purge = purge
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def answer(self, method: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Delete, and wait until it is done.

        Args:
            query: the parameters of the address; Orthanc hands over those of GET alone.
            body: of POST: JSON or a form with `since`.
        """
        if method not in ALLOWED.split(","):
            return Reply(405, ALLOWED)
        given = query.get("since") if method == "GET" else _since_of(body)
        if not given:
            return Reply(400, "Give the date as since=YYYYMMDD. Nothing was deleted.")
        since = real_date(given) if given == given.strip() else ""
        if not since:
            return Reply(400, "“since” is not a date of the form YYYYMMDD. Nothing was deleted.")
        if not self._purge.configured:
            return Reply(
                503,
                "This Orthanc has not heard from its console yet, so it does not know what has to be kept. Nothing was deleted.",
            )
        if not self._purge.endpoint_enabled:
            return Reply(403, "This route is switched off in the console. Nothing was deleted.")
        if not self._places.acquire(blocking=False):
            return Reply(503, "Other purges are being waited for. Nothing was deleted; try later.")
        try:
            return self._run(since)
        finally:
            self._places.release()

    def _run(self, since: str) -> Reply:
        ident, over = self._purge.start_since(since)
        deadline = time.monotonic() + PATIENCE
        while not over.wait(LOOK) and time.monotonic() < deadline:
            continue
        run = self._purge.finish_since(ident)
        if run is None or is_open(run):
            done = run.deleted_count if run else 0
            return Reply(503, f"Purged {done} studies so far; the run is not over and goes on.")
        if run.state != "done":
            return Reply(503, f"Purged {run.deleted_count} studies. {run.detail}")
        text = f"Purged {run.deleted_count} studies with a study date up to {since}."
        if run.failed_count:
            text += f" {run.failed_count} could not be deleted; see the console."
        return Reply(200, text)


def _since_of(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    try:
        said: Any = json.loads(text)
    except ValueError:
        return "".join(parse_qs(text).get("since", [""])[:1])
    given = said.get("since") if isinstance(said, dict) else None
    return given if isinstance(given, str) else ""
