"""Private tags that the site has given names to, found in what Orthanc says of an instance.

One table for the process: rules, purge policies and webhook targets read the same studies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Address(NamedTuple):
    """Where a private data element is (PS3.5 section 7.8.1): hexadecimal digits, small."""

    group: str
    creator: str
    element: str


_addresses: dict[str, Address] = {}


def configure(entries: Iterable[Mapping[str, Any]]) -> None:
    """Take `private_tags` of docs/protocol.md."""
    global _addresses
    _addresses = {
        str(each["name"]): Address(str(each["group"]), str(each["creator"]), str(each["element"]))
        for each in entries
    }


def named(names: Iterable[str]) -> dict[str, Address]:
    """Those of the names that stand for private tags."""
    known = _addresses
    return {name: known[name] for name in names if name in known}


def values(tags: Mapping[str, Any], wanted: Mapping[str, Address]) -> dict[str, str]:
    """Name -> value, from the answer of `/instances/{id}/tags`; what is absent or binary is left out."""
    found = {}
    for name, address in wanted.items():
        for block in _blocks(tags, address):
            entry = tags.get(f"{address.group},{block}{address.element}")
            if isinstance(entry, dict) and isinstance(entry.get("Value"), str):
                found[name] = entry["Value"]
    return found


def _blocks(tags: Mapping[str, Any], address: Address) -> list[str]:
    """The blocks that the creator has reserved: elements 0010 to 00FF hold the names of creators."""
    reserved = f"{address.group},00"
    return [
        tag[-2:]
        for tag, entry in tags.items()
        if tag.startswith(reserved)
        and isinstance(entry, dict)
        and str(entry.get("Value", "")).strip() == address.creator
    ]
