"""A webhook target as the console describes it to this node, and the calls that it is sent."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from intercept.plugin import signing, template
from intercept.plugin.caller import Call, Reply
from orthanc_console.version import VERSION
from routing.conditions import Condition, compile_condition

MASK = "••••••"
# Headers whose values are secrets whatever they are called exactly.
_SECRET_NAMES = ("authorization", "cookie", "key", "token", "secret", "password", "credential")
LONGEST_KEPT_BODY = 8 * 1024


@dataclass(frozen=True)
class Target:
    """One target with its compiled condition.

    Attributes:
        previous_secret: also signed with until `previous_secret_until`, seconds since the epoch.
        on_timeout: `allow` or `refuse`: what a C-MOVE does when a gate, or what replaces it, does not answer in time.
    """

    id: int
    name: str
    revision: int
    enforcement: str
    mode: str
    condition: Condition
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body_template: str = ""
    username: str = ""
    password: str = ""
    bearer_token: str = ""
    secret: str = ""
    previous_secret: str = ""
    previous_secret_until: float | None = None
    client_certificate: str = ""
    client_key: str = ""
    ca_certificates: str = ""
    verify_certificate: bool = True
    timeout_seconds: float = 10.0
    on_timeout: str = "refuse"

    @classmethod
    def from_config(cls, entry: dict[str, Any]) -> Target:
        """Read an entry of `webhook_targets` in docs/protocol.md.

        Raises:
            ConditionError: this plugin cannot read the condition.
        """
        # A newer console may say more of a target than this plugin knows.
        known = {f.name: entry[f.name] for f in fields(cls) if f.name in entry}
        return cls(**{**known, "condition": compile_condition(entry["condition"])})

    @property
    def asks(self) -> bool:
        """Whether a C-MOVE waits for its answer."""
        return self.mode in ("gate", "replace")

    def call(self, ident: str, message: Mapping[str, Any], at: float) -> Call:
        """The call that tells of a message.

        Args:
            ident: of the delivery: the same over all attempts, so that a receiver knows a repetition.
            message: see `message`.
            at: time of the attempt, seconds since the epoch.
        """
        sent = self._body(message) if self.method == "POST" else b""
        headers = {"User-Agent": f"orthanc-console/{VERSION}", "Accept": "*/*"}
        if self.method == "POST":
            headers["Content-Type"] = "application/json"
        headers |= self.headers
        if self.username:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif self.bearer_token:
            headers["Authorization"] = f"Bearer {self.bearer_token}"
        headers |= signing.headers(ident, int(at), sent, self._secrets(at))
        return Call(self.method, template.url(self.url, message["values"]), headers, sent)

    def _body(self, message: Mapping[str, Any]) -> bytes:
        if self.body_template:
            return template.body(self.body_template, message["values"]).encode()
        return json.dumps(message["body"], separators=(",", ":")).encode()

    def _secrets(self, at: float) -> list[str]:
        secrets = [self.secret] if self.secret else []
        if self.previous_secret and at < (self.previous_secret_until or 0):
            secrets.append(self.previous_secret)
        return secrets

    def tls(self, directory: Path) -> ssl.SSLContext | None:
        """TLS settings; None for plain http.

        Args:
            directory: where the private key lies for the moment in which OpenSSL reads it.

        Raises:
            ssl.SSLError, OSError: a certificate or the key cannot be used.
        """
        if not self.url.startswith("https"):
            return None
        context = ssl.create_default_context(cadata=self.ca_certificates or None)
        # Python 3.13 refuses private authorities that lack an extension, as many hospitals' do; 3.11 and 3.12 do not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.verify_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            _load_pair(context, f"{self.client_certificate}\n{self.client_key}", directory)
        return context

    def redacted(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Request and response for the history, without secrets."""
        headers = {name: MASK if is_secret(name) else v for name, v in call.headers.items()}
        answered = {name: MASK if is_secret(name) else v for name, v in reply.headers.items()}
        return {
            "request": {
                "method": call.method,
                "url": self._hide(call.url),
                "headers": {name: self._hide(value) for name, value in headers.items()},
                "body": self._hide(call.body[:LONGEST_KEPT_BODY].decode("utf-8", "replace")),
            },
            "response": {
                "status": reply.status,
                "headers": {name: self._hide(value) for name, value in answered.items()},
                "body": self._hide(reply.body.decode("utf-8", "replace")),
            },
        }

    def _hide(self, text: str) -> str:
        secrets = [self.secret, self.previous_secret, self.password, self.bearer_token]
        secrets += [value for name, value in self.headers.items() if is_secret(name)]
        for secret in filter(None, secrets):
            text = text.replace(secret, MASK).replace(quote(secret, safe=""), MASK)
        return text


def is_secret(header: str) -> bool:
    """Whether the value of a header is not to be shown."""
    name = header.lower()
    return name != "webhook-id" and any(word in name for word in _SECRET_NAMES)


def _load_pair(context: ssl.SSLContext, pem: str, directory: Path) -> None:
    # OpenSSL's interface of Python reads a key from a file only. mkstemp makes it readable for its owner alone.
    handle, name = tempfile.mkstemp(dir=directory, suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
            file.write(pem)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
