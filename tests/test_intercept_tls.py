"""Certificates of receivers are checked, private authorities and client certificates are supported."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intercept.plugin.caller import Reply, perform
from intercept.plugin.target import Target
from tests.orthanc.moves import Receiver

ALWAYS = {"value": True, "type": "boolean"}


class Authority:
    """A certificate authority of a hospital, and what it issues."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=CA"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def issue(self, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """A certificate for an address, and its key."""
        key, request, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:{address}\n")
        _openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", "2", "-CAcreateserial"),
            *("-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-extfile", str(extensions), "-out", str(made)),
        )
        return made, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def _serve(authority: Authority, address: str = "127.0.0.1", clients: bool = False) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(f"server-{address}", address))
    if clients:
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return Receiver("200", context)


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    found = _serve(authority)
    yield found
    found.close()


def _call(receiver: Receiver, folder: Path, **values: Any) -> Reply:
    entry = {
        "id": 1,
        "name": "hook",
        "revision": 1,
        "enforcement": "active",
        "mode": "notify",
        "condition": ALWAYS,
        "url": receiver.url,
    }
    target = Target.from_config({**entry, **values})
    message: dict[str, Any] = {"body": {}, "values": {}}
    return perform(target.call("id", message, 1), 5, target.tls(folder))


def test_a_certificate_of_nobody_is_refused_with_the_reason(
    receiver: Receiver, tmp_path: Path
) -> None:
    reply = _call(receiver, tmp_path)
    assert reply.status is None
    assert "certificate of the receiver is not accepted" in reply.error
    assert receiver.requests == []


def test_a_private_authority_is_trusted_when_the_target_names_it(
    receiver: Receiver, authority: Authority, tmp_path: Path
) -> None:
    assert _call(receiver, tmp_path, ca_certificates=authority.certificate.read_text()).ok


def test_a_certificate_for_another_server_is_refused(authority: Authority, tmp_path: Path) -> None:
    receiver = _serve(authority, "10.0.0.9")
    reply = _call(receiver, tmp_path, ca_certificates=authority.certificate.read_text())
    receiver.close()
    assert reply.status is None
    assert "not accepted" in reply.error


def test_nothing_is_checked_when_the_target_says_so(receiver: Receiver, tmp_path: Path) -> None:
    assert _call(receiver, tmp_path, verify_certificate=False).ok


def test_a_client_certificate_lets_in_and_its_key_does_not_stay_on_disk(
    authority: Authority, tmp_path: Path
) -> None:
    receiver = _serve(authority, clients=True)
    trusted = {"ca_certificates": authority.certificate.read_text()}
    assert not _call(receiver, tmp_path, **trusted).ok
    certificate, key = authority.issue("client")
    reply = _call(
        receiver,
        tmp_path,
        **trusted,
        client_certificate=certificate.read_text(),
        client_key=key.read_text(),
    )
    receiver.close()
    assert reply.ok
    assert list(tmp_path.iterdir()) == []


def test_plain_http_needs_none_of_it(tmp_path: Path) -> None:
    receiver = Receiver()
    assert _call(receiver, tmp_path).ok
    receiver.close()
