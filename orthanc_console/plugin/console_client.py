"""The one call to the console, and what its failures mean in words."""

from __future__ import annotations

import ssl
from typing import Any

from orthanc_console.plugin.http import Answer, HttpFailure, JsonClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.version import VERSION

KEPT = "Forwarding goes on by the last known configuration, and what happens is kept and reported later."


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
                "POST", "/api/agent/v1/sync", request, timeout=float(request["wait"]) + 15
            )
            if answer.status == 200:
                return self._checked(answer.json())
        except HttpFailure as failure:
            raise ConsoleError(
                f"The console at {self._url} cannot be reached ({failure})."
            ) from failure
        raise self._refusal(answer)

    def _checked(self, said: Any) -> dict[str, Any]:
        if isinstance(said, dict) and isinstance(said.get("config_revision"), int):
            return said
        raise ConsoleError(f"What answers at {self._url} is not an Orthanc Console.")

    def _refusal(self, answer: Answer) -> ConsoleError:
        try:
            said = answer.json()
            detail = str(said.get("detail", "")) if isinstance(said, dict) else ""
        except HttpFailure:
            detail = ""
        if answer.status == 401:
            return ConsoleError(
                f"The console at {self._url} refuses this node's token: it is wrong or was revoked. Make a new one on the node's "
                "page and put it into Orthanc's configuration."
            )
        if answer.status == 413:
            return ConsoleError("The console refuses a report of this size.", too_large=True)
        if detail:
            return ConsoleError(f"The console at {self._url} answers {answer.status}: {detail}")
        return ConsoleError(
            f"What answers at {self._url} is not an Orthanc Console, or it is out of order: HTTP {answer.status}."
        )
