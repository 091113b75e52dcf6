"""Destinations that are the same place under two names, where a study would arrive twice."""

from __future__ import annotations

from collections.abc import Iterable

from routing.models import Destination
from routing.models.destination import Kind


def twins(destinations: Iterable[Destination]) -> dict[int, list[Destination]]:
    """By destination, the others with its kind and address that a node can send to as well.

    Args:
        destinations: all that there are, with their nodes prefetched; those out of use are passed over.
    """
    places: dict[tuple[str, str], list[Destination]] = {}
    for each in destinations:
        if each.enabled and each.gone_at is None:
            places.setdefault((each.kind, _place(each)), []).append(each)
    found = {}
    for together in places.values():
        for one in together:
            others = [other for other in together if other != one and _share_a_node(one, other)]
            if others:
                found[one.pk] = others
    return found


def of(destination: Destination) -> list[Destination]:
    """The twins of one destination."""
    alike = Destination.objects.filter(kind=destination.kind).prefetch_related("nodes")
    return twins(alike).get(destination.pk, [])


def _place(destination: Destination) -> str:
    if destination.kind == Kind.MODALITY:
        return f"{destination.aet}@{destination.host.casefold()}:{destination.port}"
    return destination.url.casefold().rstrip("/")


def _share_a_node(one: Destination, other: Destination) -> bool:
    here, there = ({node.pk for node in each.nodes.all()} for each in (one, other))
    return not here or not there or bool(here & there)
