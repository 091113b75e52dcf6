"""Signatures of webhooks by the Standard Webhooks convention (standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"


class BadSecret(ValueError):
    """The text is no signing secret."""


def key(secret: str) -> bytes:
    """The bytes of a secret, `whsec_` and base64.

    Raises:
        BadSecret: it is something else, or not of 24 to 64 bytes.
    """
    try:
        if not secret.startswith(PREFIX):
            raise ValueError("no prefix")
        raw = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadSecret("A signing secret is whsec_ followed by base64.") from error
    if not 24 <= len(raw) <= 64:
        raise BadSecret("A signing secret has 24 to 64 bytes behind whsec_, in base64.")
    return raw


def headers(ident: str, at: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The three headers of a signed message.

    Args:
        ident: of the message, the same over all attempts.
        at: time of the attempt, seconds since the epoch.
        secrets: signed with each, so that a receiver may know the old or the new one while they are exchanged.
    """
    signed = f"{ident}.{at}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.new(key(each), signed, hashlib.sha256).digest()).decode()
        for each in secrets
    ]
    found = {"webhook-id": ident, "webhook-timestamp": str(at)}
    return {**found, "webhook-signature": " ".join(signatures)} if signatures else found
