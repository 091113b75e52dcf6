"""Bearer secrets: made here, shown once, kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets


def new_secret(prefix: str) -> str:
    """Return a fresh secret such as `oct_4f...`; 256 bits, never only digits, so that JSON tools keep it a text."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """SHA-256 of the secret in hexadecimal; enough for random secrets, which cannot be guessed from it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hint(secret: str) -> str:
    """The first characters, by which a person recognises the secret in a list."""
    return secret[:8]
