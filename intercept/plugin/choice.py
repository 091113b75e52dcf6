"""Which targets a C-MOVE concerns, and what their answers mean for it. Pure but for reading tags when a condition needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from intercept.plugin.caller import Reply
from intercept.plugin.request import MoveRequest
from intercept.plugin.resolve import Found
from intercept.plugin.target import Target
from routing.conditions import MATCH, NO_MATCH, UNDECIDED, StudyFacts, decide

# Studies of one request whose tags are read; a request for a patient can have hundreds.
MOST_STUDIES = 20
# Names that the request itself always answers; the tags of studies need not be read for them.
OF_REQUEST = frozenset(
    (
        *("Level", "SourceAET", "TargetAET", "OriginatorAET", "OriginatorID", "OriginatorIP"),
        *("UIDs", "Node"),
    )
)


@dataclass(frozen=True)
class Chosen:
    """A target that a request concerns. `undecided`: its condition read something that is absent."""

    target: Target
    undecided: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a target means for the C-MOVE. `asked` tells whether its answer counted."""

    allowed: bool
    words: str
    asked: bool = True


def choose(
    targets: Iterable[Target],
    request: MoveRequest,
    found: Found,
    read_facts: Callable[[str, set[str]], dict[str, Any]],
    node: str,
) -> list[Chosen]:
    """The targets whose condition the request fulfils, in their order.

    A condition that cannot be decided counts as fulfilled for a gate (when in doubt, it is asked), and as not
    fulfilled for the others. A request for several studies fulfils a condition when one of them does.

    Args:
        read_facts: given Orthanc's identifier of a study and DICOM keywords, its facts for `StudyFacts`.
    """
    targets = [target for target in targets if target.enforcement != "disabled"]
    facts = _facts(targets, request, found, read_facts, node)
    chosen = []
    for target in targets:
        result = _decide(target, facts)
        if result == MATCH or (result == UNDECIDED and target.mode == "gate"):
            chosen.append(Chosen(target, undecided=result == UNDECIDED))
    return chosen


def verdict(target: Target, reply: Reply | None, waited: bool) -> Verdict:
    """What a gate, or what replaces the move, says.

    Args:
        reply: None when there was no answer in time.
        waited: whether the C-MOVE waited at all; it does not when too many others wait already.
    """
    if reply is not None and reply.ok:
        return Verdict(True, f"It answered {reply.status}.")
    if reply is not None and not reply.timed_out:
        return Verdict(False, reply.problem)
    allowed = target.on_timeout == "allow"
    why = "It did not answer in time" if waited else "Too many C-MOVEs waited already to ask it"
    return Verdict(allowed, f"{why}, which {'allows' if allowed else 'refuses'} the move.")


def _decide(target: Target, facts: list[StudyFacts]) -> str:
    now = datetime.now()
    results = {decide(target.condition, each, now=now).result for each in facts}
    if MATCH in results:
        return MATCH
    return UNDECIDED if UNDECIDED in results else NO_MATCH


def _facts(
    targets: list[Target],
    request: MoveRequest,
    found: Found,
    read_facts: Callable[[str, set[str]], dict[str, Any]],
    node: str,
) -> list[StudyFacts]:
    """What conditions read, once for each study; tags are read of Orthanc only if a condition wants more than is known."""
    wanted = {name for target in targets for name in target.condition.fields}
    tags = {name for target in targets for name in target.condition.tags} - OF_REQUEST
    own: dict[str, object] = {**request.symbols(), "Node": node}
    asked: dict[str, object] = dict(request.identifiers)
    if not found.studies or wanted <= OF_REQUEST:
        return [StudyFacts({**asked, **own}, [])]
    facts = []
    for study, known in list(found.studies.items())[:MOST_STUDIES]:
        if wanted <= OF_REQUEST | known.keys():
            read: dict[str, Any] = {"study": known, "series": []}
        else:
            read = read_facts(study, tags)
        facts.append(StudyFacts({**asked, **read["study"], **own}, read["series"]))
    return facts
