"""Orthanc's own REST API over loopback, with the token that Orthanc gives a plugin.

Over HTTP and not through the SDK: an SDK call holds the interpreter's lock for as long as it takes, which is up to the
time-out of a mute DICOM node.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orthanc_console.plugin.http import Answer, HttpFailure
from orthanc_console.plugin.loopback import LoopbackClient


class OrthancDown(Exception):
    """Orthanc's HTTP server does not answer: it is starting, stopping or misconfigured."""


class OrthancError(Exception):
    """Orthanc answered that it cannot. The message is in Orthanc's own words.

    Attributes:
        status: HTTP status.
        code: Orthanc's error code (`OrthancStatus`), 0 if the answer has none.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NotFound(OrthancError):
    """The resource is not there."""


class Conflict(OrthancError):
    """Somebody else has changed it since it was read."""


@dataclass(frozen=True)
class Address:
    """Where Orthanc's HTTP server listens, and why it cannot be used, if so.

    Attributes:
        dicomweb: root of the DICOMweb plugin's routes (`DicomWeb.Root`).
    """

    base: str
    problem: str = ""
    dicomweb: str = "/dicom-web/"


def address(configuration: Mapping[str, Any]) -> Address:
    """Work out from Orthanc's configuration how the plugin reaches it on this machine."""
    if configuration.get("HttpServerEnabled", True) is False:
        return Address(
            "",
            'Orthanc\'s HTTP server is off ("HttpServerEnabled": false), and the plugin works through it. Nothing is forwarded. '
            'Set it to true; with "RemoteAccessAllowed": false it answers on this machine only.',
        )
    scheme = "https" if configuration.get("SslEnabled", False) else "http"
    if scheme == "https" and configuration.get("SslVerifyPeers", False):
        return Address(
            "",
            'Orthanc asks every HTTP client for a certificate ("SslVerifyPeers": true), and the plugin has none. Nothing is '
            "forwarded. Let a proxy in front of Orthanc check the certificates instead.",
        )
    host = _bind_host(configuration.get("HttpBindAddresses"))
    port = int(configuration.get("HttpPort", 8042))
    return Address(f"{scheme}://{host}:{port}", dicomweb=_dicomweb_root(configuration))


def _dicomweb_root(configuration: Mapping[str, Any]) -> str:
    section = configuration.get("DicomWeb")
    root = str(section.get("Root", "")) if isinstance(section, dict) else ""
    return f"/{root.strip('/')}/" if root.strip("/") else Address.dicomweb


def _bind_host(addresses: Any) -> str:
    """The address to call when Orthanc listens only on some (`HttpBindAddresses`, Orthanc 1.12.10)."""
    listed = [str(a) for a in addresses] if isinstance(addresses, list) else []
    if not listed or {"127.0.0.1", "0.0.0.0"} & set(listed):  # noqa: S104
        return "127.0.0.1"
    first = listed[0]
    return f"[{first}]" if ":" in first else first


class OrthancClient:
    """Typed access to the REST API. A path below /dicom-web/ means the DICOMweb plugin's, wherever its root is.

    Args:
        address: from the function of that name.
        token: from `orthanc.GenerateRestApiAuthorizationToken()`, taken at import.
    """

    def __init__(self, address: Address, token: str) -> None:
        base = address.base
        self._dicomweb = address.dicomweb
        # The server is this very process: its certificate says nothing more.
        context = ssl._create_unverified_context() if base.startswith("https") else None  # noqa: S323
        self._client = LoopbackClient(base, {"Authorization": token}, context)

    def get(self, path: str, timeout: float = 30) -> Any:
        return self._call("GET", path, None, timeout)

    def post(self, path: str, body: Any, timeout: float = 30) -> Any:
        return self._call("POST", path, body, timeout)

    def put(self, path: str, body: Any, timeout: float = 30) -> Any:
        return self._call("PUT", path, body, timeout)

    def delete(self, path: str, timeout: float = 30) -> Any:
        return self._call("DELETE", path, None, timeout)

    def get_tagged(self, path: str) -> tuple[bytes, str]:
        """A value that several may change, and the tag of its revision. Raises as `get` does."""
        answer = self._answer("GET", path, None, 30)
        return answer.body, answer.etag

    def put_tagged(self, path: str, body: Any, tag: str) -> None:
        """Write such a value if nobody has since it was read; with an empty tag, if nobody ever has (`CheckRevisions`).

        Raises:
            Conflict: somebody has.
        """
        self._answer("PUT", path, body, 30, tag)

    def _call(self, method: str, path: str, body: Any, timeout: float) -> Any:
        try:
            return self._answer(method, path, body, timeout).json()
        except HttpFailure as failure:
            raise OrthancDown(str(failure)) from failure

    def _answer(
        self, method: str, path: str, body: Any, timeout: float, if_match: str = ""
    ) -> Answer:
        """Call and return the answer.

        Raises:
            OrthancDown: no answer.
            NotFound: 404.
            OrthancError: any other status but 2xx.
        """
        if path.startswith(Address.dicomweb):
            path = self._dicomweb + path.removeprefix(Address.dicomweb)
        try:
            answer = self._client.call(method, path, body, timeout, if_match)
        except HttpFailure as failure:
            raise OrthancDown(str(failure)) from failure
        if 200 <= answer.status < 300:
            return answer
        raise _error(answer)


def _error(answer: Answer) -> OrthancError:
    try:
        said = answer.json()
    except HttpFailure:
        said = None
    if not isinstance(said, dict):
        said = {}
    code = said.get("OrthancStatus", 0)
    parts = [str(said.get("Message") or f"HTTP {answer.status}"), str(said.get("Details") or "")]
    kind = {404: NotFound, 409: Conflict}.get(answer.status, OrthancError)
    return kind(answer.status, code if isinstance(code, int) else 0, ": ".join(filter(None, parts)))
