"""A small JSON client over one kept connection a thread."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER = 64 * 1024 * 1024


class HttpFailure(Exception):
    """No usable answer came: refused, timed out, cut off, or not HTTP."""


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    location: str = ""
    etag: str = ""

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            HttpFailure: the body is something else, for example the page of a proxy.
        """
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as error:
            raise HttpFailure(
                f"the answer is not JSON but {self.content_type or 'unknown'}"
            ) from error


class JsonClient:
    """Calls one server. Keeps a connection for each thread that uses it.

    Args:
        base: `http://host:port`, with or without a path.
        headers: sent with every request.
        context: TLS settings for https.
    """

    def __init__(
        self, base: str, headers: dict[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(base)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._context = context
        self._headers = headers
        self._local = threading.local()

    def call(
        self, method: str, path: str, body: Any = None, timeout: float = 30, if_match: str = ""
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        Args:
            body: sent as JSON; bytes are sent as they are, None is no body.
            timeout: seconds that each wait on the socket may take.
            if_match: the ETag that what is changed must still have; empty for none.

        Raises:
            HttpFailure: no usable answer.
        """
        raw = body is None or isinstance(body, bytes)
        data = body if raw else json.dumps(body).encode()
        try:
            return self._exchange(method, path, data, timeout, if_match)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise HttpFailure(f"{type(error).__name__}: {error}") from error

    def _exchange(
        self, method: str, path: str, data: bytes | None, timeout: float, if_match: str
    ) -> Answer:
        headers = dict(self._headers)
        if if_match:
            headers["If-Match"] = if_match
        if data is not None:
            headers["Content-Type"] = "application/json"
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            try:
                return self._send(kept, method, path, data, headers, timeout)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # The server closed the kept connection while it was idle: it has not read this request.
                self.close()
        return self._send(self._connect(timeout), method, path, data, headers, timeout)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        data: bytes | None,
        headers: dict[str, str],
        timeout: float,
    ) -> Answer:
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request(method, self._path + path, body=data, headers=headers)
        response = connection.getresponse()
        try:
            body = response.read(MAX_ANSWER + 1)
        except ConnectionError as error:
            # The server has read the request: it must not be sent again.
            raise http.client.IncompleteRead(b"") from error
        if len(body) > MAX_ANSWER:
            raise http.client.HTTPException("the answer is larger than 64 MiB")
        # Where no length was told, nothing at all may be the rest of a head that was cut off.
        if response.length or (response.length is None and not (body or response.chunked)):
            raise http.client.IncompleteRead(body, response.length)
        return Answer(
            response.status,
            response.getheader("Content-Type", ""),
            body,
            response.getheader("Location", ""),
            response.getheader("ETag", ""),
        )

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        self._local.connection = connection
        return connection

    def close(self) -> None:
        """Drop this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
