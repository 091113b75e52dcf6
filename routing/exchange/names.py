"""How the file names a destination: by its name, with its kind and node only where that is needed."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from routing.models import Destination


class NoSuchDestination(ValueError):
    """A name that no destination has, or several; the message says so."""


def names_of(destinations: Iterable[Destination]) -> dict[int, str]:
    """Primary key -> the shortest of `NAME`, `kind:NAME` and `kind:NAME@node` that is unique. Needs the nodes fetched."""
    known = list(destinations)
    spellings = {each.pk: _spellings(each) for each in known}
    every = [spelling for one in spellings.values() for spelling in one]
    return {
        pk: next((one for one in of_it if every.count(one) == 1), of_it[-1])
        for pk, of_it in spellings.items()
    }


def _spellings(destination: Destination) -> list[str]:
    kind = f"{destination.kind}:{destination.name}"
    nodes = ",".join(sorted(node.name for node in destination.nodes.all()))
    return [destination.name, kind, f"{kind}@{nodes}"]


def resolve(name: str, destinations: Iterable[Destination]) -> Destination:
    """The destination that a name of the file means.

    Raises:
        NoSuchDestination: none is called so, or several are.
    """
    found = [each for each in destinations if name in _spellings(each)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuchDestination(
            _("There is no destination “%(name)s”. Add it, or attach the Orthanc that has it.")
            % {"name": name}
        )
    spellings = ", ".join(sorted(_spellings(each)[-1] for each in found))
    raise NoSuchDestination(
        _("“%(name)s” can be any of: %(these)s. Write it like that.")
        % {"name": name, "these": spellings}
    )
