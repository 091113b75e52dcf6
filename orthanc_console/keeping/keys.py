"""The keys of encrypted columns inside a backup, sealed with a passphrase."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

# OWASP's recommendation for scrypt (Password Storage Cheat Sheet): 128 MiB for each guess.
COST, BLOCK, PARALLEL = 2**17, 8, 1
SALT_BYTES = 16


class WrongPassphrase(Exception):
    """The passphrase does not open the keys."""


def fingerprint(key: str) -> str:
    """By which a key can be recognised without being told."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def seal(keys: Sequence[str], passphrase: str) -> dict[str, Any]:
    """The keys, encrypted with the passphrase, as a JSON object."""
    salt = os.urandom(SALT_BYTES)
    cost = {"n": COST, "r": BLOCK, "p": PARALLEL}
    token = _fernet(passphrase, salt, cost).encrypt(json.dumps(list(keys)).encode())
    return {**cost, "salt": base64.b64encode(salt).decode(), "token": token.decode()}


def unseal(sealed: dict[str, Any], passphrase: str) -> list[str]:
    """What `seal` was given.

    Raises:
        WrongPassphrase: it was another passphrase.
    """
    salt = base64.b64decode(sealed["salt"])
    # A file from elsewhere must not make this machine work for hours.
    cost = {"n": min(int(sealed["n"]), 2**20), "r": min(int(sealed["r"]), 16), "p": 1}
    try:
        keys: list[str] = json.loads(
            _fernet(passphrase, salt, cost).decrypt(sealed["token"].encode())
        )
    except InvalidToken as error:
        raise WrongPassphrase from error
    return keys


def _fernet(passphrase: str, salt: bytes, cost: dict[str, int]) -> Fernet:
    derived = Scrypt(salt=salt, length=32, **cost).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
