"""Why a delivery waits or failed, in plain words: what its lane says, or else its own last error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from routing import explain
from routing.models import Delivery, Lane
from routing.models.delivery import State

WAITING = (State.WAITING, State.HELD)
Key = tuple[int, int | None]


@dataclass(frozen=True)
class Why:
    """What keeps a delivery.

    Attributes:
        meaning: what is wrong.
        outlook: what happens by itself; empty where nothing does.
        action: what a person can do.
        said: the error in Orthanc's or the destination's own words.
    """

    meaning: str
    outlook: str
    action: str
    said: str


def tell(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Give each delivery its `why`, None where nothing is wrong, in one query for all lanes.

    Args:
        deliveries: with their `node` and `destination`.
    """
    found = list(deliveries)
    lanes = _lanes(each for each in found if each.state in WAITING)
    for delivery in found:
        lane = lanes.get((delivery.node_id, delivery.destination_id))
        delivery.why = why(delivery, lane)  # type: ignore[attr-defined]
    return found


def why(delivery: Delivery, lane: Lane | None) -> Why | None:
    """Why it is not there yet, or failed; None where nothing is wrong.

    Args:
        lane: that of its node and destination, as last reported.
    """
    if delivery.state in WAITING and lane is not None:
        if lane.problem:
            return _explained(
                delivery, lane.problem, _("Nothing is sent there until it is mended.")
            )
        if lane.breaker == "open":
            outlook = _("The destination is probed every 10 s; this goes as soon as it answers.")
            return _explained(delivery, lane.last_error or delivery.last_error, outlook)
    if delivery.last_error and delivery.state in (State.WAITING, State.FAILED):
        return _explained(delivery, delivery.last_error, "")
    return None


def _lanes(deliveries: Iterable[Delivery]) -> dict[Key, Lane]:
    keys = {(each.node_id, each.destination_id) for each in deliveries}
    if not keys:
        return {}
    rows = Lane.objects.filter(node__in={node for node, _to in keys})
    wanted = rows.filter(~Q(problem="") | Q(breaker="open")).order_by()
    return {(lane.node_id, lane.destination_id): lane for lane in wanted}


def _explained(delivery: Delivery, words: str, outlook: str) -> Why:
    if not words:
        return Why(_("The destination does not answer."), outlook, "", "")
    about = explain.about(delivery.node.status, delivery.destination)
    explanation = explain.error(words, about=about)
    return Why(str(explanation.meaning), outlook, str(explanation.action), words)
