"""The private tags that the site has named, as the rule language and the nodes need them."""

from __future__ import annotations

from typing import Any

from routing.conditions.kinds import Kind
from routing.language.symbols import Symbol
from routing.models import SiteTag


def symbols() -> dict[str, Symbol]:
    """Name -> what it stands for. Values of private tags belong to series: each may come from another device."""
    return {
        tag.name: Symbol(
            name=tag.name,
            kind=Kind(tag.type, tag.many),
            scope="series",
            description=tag.description or "private tag",
            tag=tag.address,
            vm="1-n" if tag.many else "1",
        )
        for tag in SiteTag.objects.all()
    }


def addresses() -> dict[tuple[int, str, int], str]:
    """(group, private creator, last byte of the element) -> name."""
    return {
        (int(tag.group, 16), tag.creator, int(tag.element, 16)): tag.name
        for tag in SiteTag.objects.all()
    }


def as_config() -> list[dict[str, Any]]:
    """`private_tags` of docs/protocol.md. A node reads only those that its rules, policies or targets use."""
    return [dict(row) for row in SiteTag.objects.values("name", "group", "creator", "element")]
