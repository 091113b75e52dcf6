"""One HTTP call of a webhook: to a checked address, with a deadline for all of it, never redirected, the answer capped."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from intercept.plugin import guard

# Bytes of an answer that are read at all, and that are kept for the history.
READ_AT_MOST = 64 * 1024
KEPT = 4 * 1024


@dataclass(frozen=True)
class Call:
    """What to send."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What came of a call.

    Attributes:
        status: of the answer; None when none came.
        error: why none came, as a sentence; empty when one did.
        timed_out: whether the deadline ended the call.
        seconds: that it took.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    timed_out: bool = False
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """Why it is no success, as a sentence; empty for one."""
        if self.ok or self.status is None:
            return self.error
        if 300 <= self.status < 400:
            return f"The receiver answered {self.status}, a redirection, which is not followed."
        return f"The receiver answered {self.status}."


def perform(call: Call, timeout: float, context: ssl.SSLContext | None = None) -> Reply:
    """Make the call. Never raises: whatever goes wrong is told in the reply.

    Args:
        timeout: seconds for everything from the connection to the end of the answer; only the look-up of the name
            is beyond it, which nothing can cut short.
        context: TLS settings for https.
    """
    started = time.monotonic()
    try:
        status, headers, body = _exchange(call, timeout, context)
    except Exception as error:
        seconds = time.monotonic() - started
        timed_out = isinstance(error, TimeoutError) or seconds >= timeout
        words = f"No answer within {timeout:g} seconds." if timed_out else _in_words(error)
        return Reply(error=words, timed_out=timed_out, seconds=seconds)
    return Reply(status, headers, body, seconds=time.monotonic() - started)


def _exchange(
    call: Call, timeout: float, context: ssl.SSLContext | None
) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(call.url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    deadline = time.monotonic() + timeout
    plain = _connect(guard.resolve(host, port), deadline)
    # A server that sends a byte now and then would keep each single wait on the socket short, and all of them long.
    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (plain,))
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.sock = plain
        if secure:
            connection.default_port = http.client.HTTPS_PORT
            tls = context or ssl.create_default_context()
            connection.sock = tls.wrap_socket(plain, server_hostname=host)
        connection.request(call.method, _target(call.url), call.body or None, dict(call.headers))
        response = connection.getresponse()
        body = response.read(READ_AT_MOST)
        if response.length and len(body) < READ_AT_MOST:
            raise http.client.IncompleteRead(body, response.length)
        if time.monotonic() >= deadline:
            # What the watchdog cut off can look like a short answer.
            raise TimeoutError("the answer was not whole in time")
        return response.status, dict(response.getheaders()), body[:KEPT]
    finally:
        watchdog.cancel()
        connection.close()
        plain.close()


def _connect(addresses: list[tuple[int, tuple[object, ...]]], deadline: float) -> socket.socket:
    problem: OSError = TimeoutError("no time left")
    for family, where in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(left)
        try:
            plain.connect(where)
        except OSError as error:
            plain.close()
            problem = error
        else:
            return plain
    raise problem


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own, which would also take the TLS state away from the thread that reads.
        socket.socket.shutdown(plain, socket.SHUT_RDWR)


def _target(url: str) -> str:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="%/:@!$&'()*+,;=~")
    return path + ("?" + quote(parts.query, safe="%/?:@!$&'()*+,;=~") if parts.query else "")


def _in_words(error: Exception) -> str:
    if isinstance(error, guard.Forbidden):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the receiver is not accepted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"No TLS connection: {error.reason or error}."
    if isinstance(error, ConnectionRefusedError):
        return "The receiver refuses the connection."
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "The receiver closed the connection without a whole answer."
    if isinstance(error, http.client.IncompleteRead):
        return "The receiver closed the connection in the middle of its answer."
    if isinstance(error, socket.gaierror):
        return f"The name of the receiver is unknown: {error.strerror}."
    return f"{type(error).__name__}: {error}"
