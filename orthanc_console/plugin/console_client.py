"""The one call to the console, and what its failures mean in words."""

from __future__ import annotations

import ssl
from typing import Any

from orthanc_console.plugin.http import Answer, HttpFailure, JsonClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.version import VERSION

KEPT = "Forwarding goes on by the last known configuration, and what happens is kept and reported later."

# Seconds for an answer, beyond those for which the console was asked to wait.
PATIENCE = 15.0


class ConsoleError(Exception):
    """The console did not take the request; nothing of it is lost.

    Attributes:
        too_large: the console wants smaller batches.
    """

    def __init__(self, message: str, too_large: bool = False) -> None:
        super().__init__(f"{message} {KEPT}")
        self.too_large = too_large


class ConsoleClient:
    """Calls `POST /api/agent/v1/sync`."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url
        context = None
        if settings.url.startswith("https"):
            context = ssl.create_default_context(cafile=settings.ca_file or None)
        self._client = JsonClient(
            settings.url,
            {
                "Authorization": f"Bearer {settings.token}",
                "User-Agent": f"orthanc-console-plugin/{VERSION}",
            },
            context,
        )

    def sync(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request of docs/protocol.md and return the answer.

        Raises:
            ConsoleError: with one sentence of what is wrong and what to do.
        """
        try:
            answer = self._client.call(
                "POST", "/api/agent/v1/sync", request, timeout=float(request["wait"]) + PATIENCE
            )
        except HttpFailure as failure:
            raise ConsoleError(
                f"The console at {self._url} cannot be reached ({failure})."
            ) from failure
        said = _said(answer)
        if answer.status == 200 and isinstance(said.get("config_revision"), int):
            return said
        raise self._refusal(answer, str(said.get("detail", "")))

    def _refusal(self, answer: Answer, detail: str) -> ConsoleError:
        if answer.status == 413:
            return ConsoleError("The console refuses a report of this size.", too_large=True)
        if answer.status == 401 and detail:
            return ConsoleError(
                f"The console at {self._url} refuses this node's token: it is wrong or was revoked. Make a new one on the node's "
                "page and put it into Orthanc's configuration."
            )
        if detail:
            return ConsoleError(f"The console at {self._url} answers {answer.status}: {detail}")
        if answer.location:
            return ConsoleError(
                f"What answers at {self._url} sends to {answer.location} instead. Set Url to the console's own address."
            )
        kind = answer.content_type or "nothing"
        return ConsoleError(
            f"What answers at {self._url} is not an Orthanc Console, or it is out of order: HTTP {answer.status} with {kind}."
        )


def _said(answer: Answer) -> dict[str, Any]:
    """The answer as an object; an empty one where it is something else, such as the page of a proxy."""
    try:
        said = answer.json()
    except HttpFailure:
        return {}
    return said if isinstance(said, dict) else {}
