"""Which addresses a webhook may be sent to: private networks are what it is for, a cloud's metadata service never is."""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds serve credentials to whoever asks from inside; the rest of them is link-local.
_METADATA = frozenset(
    ipaddress.ip_address(each)
    for each in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
    )
)
_METADATA_NAMES = frozenset(
    (
        *("metadata", "metadata.google.internal", "metadata.goog"),
        *("instance-data", "instance-data.ec2.internal"),
    )
)
# IPv6 networks whose addresses carry an IPv4 address in their last 32 bits (RFC 6052, 8215, 4291).
_EMBEDDING = tuple(
    ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)


class Forbidden(Exception):
    """The address may not be called; the message is a sentence."""


def resolve(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """The addresses of a host that may be connected to, as (family, socket address).

    The caller connects to one of these and never asks for the name again, so that a name that changes between
    the check and the call changes nothing.

    Raises:
        Forbidden: the name or one of its addresses is link-local, multicast, unspecified or a metadata service.
        OSError: the name is unknown.
    """
    name = host.rstrip(".").lower()
    if name in _METADATA_NAMES:
        raise Forbidden(f"{host} is a cloud's metadata service, which no webhook may be sent to.")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for _family, _type, _protocol, _name, where in found:
        refusal = why_forbidden(str(where[0]))
        if refusal:
            raise Forbidden(f"{host} is at {where[0]}, {refusal}, which no webhook may be sent to.")
    return [(int(family), where) for family, _type, _protocol, _name, where in found]


def why_forbidden(text: str) -> str:
    """What an address is that makes it forbidden; empty for one that may be called."""
    for address in _with_embedded(ipaddress.ip_address(text.partition("%")[0])):
        if address in _METADATA:
            return "a cloud's metadata service"
        if address.is_link_local:
            return "a link-local address"
        if address.is_unspecified or address.is_multicast:
            return "no address of a single server"
        if address.version == 4 and address.is_reserved:
            return "a reserved address"
    return ""


def _with_embedded(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    if address.teredo:
        inner += address.teredo
    if not address.is_loopback and not address.is_unspecified:
        last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        inner += [last for network in _EMBEDDING if address in network]
    return [address, *(each for each in inner if each is not None)]
