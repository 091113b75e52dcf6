"""What the capabilities (routing, purge, intercept) are built from and give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from orthanc_console.plugin.host import Host
from orthanc_console.plugin.orthanc_client import OrthancClient
from orthanc_console.plugin.settings import Settings
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from orthanc_console.plugin.worker import Worker


@dataclass(frozen=True)
class Core:
    """The parts that all capabilities share.

    Attributes:
        configuration: Orthanc's, as the user wrote it.
        move_variant: number of the C-MOVE callback that is registered; 0 for none.
    """

    state: State
    orthanc: OrthancClient
    warnings: Warnings
    settings: Settings
    host: Host
    configuration: Mapping[str, Any]
    move_variant: int = 0


class Capability(Protocol):
    """What the sync needs of a capability."""

    @property
    def commands(self) -> dict[str, Callable[[str, dict[str, Any]], None]]:
        """By kind: carries a command out and finishes it in the state file, given its id and data."""

    def configure(self, config: dict[str, Any]) -> None:
        """Obey a configuration of docs/protocol.md."""

    def status(self) -> dict[str, Any]:
        """Its part of `status` in docs/protocol.md."""


@dataclass(frozen=True)
class Reply:
    """What a route of the plugin answers: the HTTP status, and a sentence; for 405 the methods that are allowed."""

    status: int
    text: str


# Answers a call, given its method, the parameters of its address, and its body. Runs in a thread of Orthanc.
Route = Callable[[str, Mapping[str, str], bytes], Reply]


@dataclass(frozen=True)
class Built:
    """A capability, the threads that do its work, what answers its routes on Orthanc, and what callbacks of Orthanc call."""

    capability: Capability
    workers: list[Worker] = field(default_factory=list)
    routes: Mapping[str, Route] = field(default_factory=dict)
    parts: list[object] = field(default_factory=list)
