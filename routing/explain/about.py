"""Who talks to whom, so that an explanation can name what has to be entered where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from routing.models import Destination


@dataclass(frozen=True)
class About:
    """A node's Orthanc and a destination, as people enter them elsewhere; a text is empty where it is not known."""

    kind: str = ""
    our_aet: str = ""
    their_aet: str = ""
    address: str = ""


def about(status: dict[str, Any], destination: Destination | None) -> About:
    """Put together what is known.

    Args:
        status: what the node says of itself (`Node.status`).
        destination: None where it was deleted meanwhile.
    """
    said = status.get("dicom_aet")
    our_aet = said if isinstance(said, str) else ""
    if destination is None:
        return About(our_aet=our_aet)
    host = f"{destination.host}:{destination.port}" if destination.host else destination.url
    return About(destination.kind, our_aet, destination.aet, host)
