"""A claim: which Orthanc on a shared index takes care of a study, and what was delivered of it. Pure: no I/O."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orthanc_console.plugin import clock
from routing.plugin.deliveries import Delivery, pack, unpack
from routing.plugin.store import LIVE, NOT_COVERING

# Number of the study's metadata that holds it; those from 1024 on are free for users of Orthanc.
METADATA = 6108


@dataclass(frozen=True)
class Claim:
    """What the metadata of a study says.

    Attributes:
        owner: identity of the plugin's state folder on the Orthanc that takes care of the study.
        seq: number in the change log up to which the study was decided about.
        open: whether the owner still has something to do.
        lease: seconds of silence of the owner after which another Orthanc takes the study over.
        covered: by destination, the packed instances that were delivered there, or need not be.
        failed: destinations to which a delivery failed.
        orders: stands for the rules that the owner obeyed when it wrote this.
    """

    owner: str
    seq: int
    open: bool = True
    lease: float = 60.0
    covered: Mapping[int, bytes] = field(default_factory=dict)
    failed: tuple[int, ...] = ()
    orders: str = ""

    def taken_by(self, owner: str, lease: float, seq: int) -> Claim:
        """The same study in the care of `owner`; what was delivered stays known."""
        return replace(self, owner=owner, lease=lease, seq=max(seq, self.seq), open=True)

    def as_json(self) -> dict[str, Any]:
        # Most destinations have the same images, and each image takes 27 characters.
        sets = sorted(set(self.covered.values()))
        return {
            "owner": self.owner,
            "seq": self.seq,
            "open": self.open,
            "lease": self.lease,
            "at": clock.iso(clock.now()),
            "instances": [b64encode(packed).decode() for packed in sets],
            "covered": {str(ident): sets.index(packed) for ident, packed in self.covered.items()},
            "failed": list(self.failed),
            "orders": self.orders,
        }


def parse(text: bytes) -> Claim:
    """The claim that `as_json` made.

    Raises:
        ValueError: it is something else.
    """
    try:
        value = json.loads(text)
        sets = [b64decode(packed, validate=True) for packed in value["instances"]]
        return Claim(
            owner=str(value["owner"]),
            seq=int(value["seq"]),
            open=bool(value["open"]),
            lease=float(value["lease"]),
            covered={int(ident): sets[n] for ident, n in value["covered"].items()},
            failed=tuple(int(ident) for ident in value["failed"]),
            orders=str(value["orders"]),
        )
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"Metadata {METADATA} of the study is not a claim of this plugin: {error!r}"
        ) from error


def covered(deliveries: Iterable[Delivery], elsewhere: Mapping[int, bytes]) -> dict[int, bytes]:
    """By destination, what another Orthanc need not send any more, should this one end now.

    Args:
        elsewhere: what others have delivered before.
    """
    found = {ident: unpack(packed) for ident, packed in elsewhere.items()}
    for delivery in deliveries:
        if (delivery.state, delivery.reason) in NOT_COVERING:
            continue
        over = delivery.sent if delivery.state in LIVE else delivery.instances
        if over:
            found.setdefault(delivery.destination, set()).update(unpack(over))
    return {ident: pack(instances) for ident, instances in found.items()}
