"""What each capability contributes to the call of a node. A new capability is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from orthanc_console.agent.messages import Incoming
from orthanc_console.nodes.models import Node

# Handles all events of its kind in a batch, in one go. It sets `problem` on those that it cannot use, and raises
# only what makes the whole batch come again.
Handler = Callable[[Node, list[Incoming]], None]

MODULES = ("routing.agent", "purge.agent", "intercept.agent")


class Capability(Protocol):
    """The functions that a capability's `agent` module has."""

    # Kinds are handled in this order, so that what others refer to comes first.
    EVENT_HANDLERS: Mapping[str, Handler]

    def config_for(self, node: Node) -> dict[str, Any]:
        """Its part of the configuration that this node is told."""

    def receive_status(self, node: Node, status: dict[str, Any]) -> list[str]:
        """Take its part of a status; `node.status` still is the one before.

        Returns sentences about what it could not understand.
        """


def capabilities() -> list[Capability]:
    return [cast(Capability, import_module(name)) for name in MODULES]
