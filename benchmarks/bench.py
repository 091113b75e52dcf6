"""What a case works with: sizes, versions, and servers that end with the case."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Study, make_studies
from testbed.console import ConsoleServer
from testbed.orthanc import REPOSITORY, OrthancServer
from testbed.processes import Server
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for

PLUGIN = str(REPOSITORY / "orthanc-plugin.py")


@dataclass
class Bench:
    """Handed to each case.

    Attributes:
        folder: of this case, empty at first.
        prepared: data of a console that was never started, and what cases share.
        full: the sizes that are required instead of smaller ones.
        versions: of Orthanc; the first one is used where the version does not matter.
    """

    folder: Path
    prepared: Path
    full: bool
    versions: list[OrthancVersion]
    stack: ExitStack

    def size(self, small: int, full: int) -> int:
        """How much of something to use."""
        return full if self.full else small

    def studies(self, count: int, instances: int) -> tuple[Study, ...]:
        """Studies of small images, the same ones for all servers of a run."""
        return make_studies(self.prepared / "studies", count, instances)

    def orthanc(
        self, name: str, configuration: Mapping[str, Any] | None = None, **options: Any
    ) -> OrthancServer:
        """Start an Orthanc with its own defaults, so without TCP_NODELAY, but a StableAge of 1 s."""
        defaults = {
            "version": self.versions[0],
            "environment": {},
            "aet": name.upper().replace("-", "_"),
            "folders": [self.folder],
        }
        server = OrthancServer(self.folder / name, configuration, **{**defaults, **options})
        self._start(server)
        return server

    def node(
        self,
        console: ConsoleServer,
        name: str,
        configuration: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> OrthancServer:
        """Start an Orthanc with the plugin and wait until it obeys the console."""
        token = console.create_node(name)
        plugin = {
            "PythonScript": PLUGIN,
            "OrthancConsole": console.plugin_section(token, self.folder / name / "plugin"),
        }
        node = self.orthanc(name, {**plugin, **(configuration or {})}, **options)
        settle(node)
        return node

    def console(self) -> ConsoleServer:
        """Start a console with an administrator and nothing else."""
        folder = self.folder / "console"
        shutil.copytree(self.prepared / "console", folder)
        console = ConsoleServer(folder, prepared=True)
        self._start(console)
        return console

    def discard(self, server: Server) -> None:
        """Kill a server whose data is not needed any more, and remove its folder."""
        if server.running:
            server.kill()
        folder = server.log.parent
        wait_for(lambda: _removed(folder), f"the data of {server.name} is removed")

    def _start(self, server: Server) -> None:
        # Killed and not stopped: that takes no time, and a case that is about stopping stops.
        self.stack.callback(lambda: server.running and server.kill())
        server.start()


def _removed(folder: Path) -> bool:
    try:
        shutil.rmtree(folder)
    except OSError:
        # The workers of a console outlive it for a moment, and write.
        return False
    return True


def revision(node: OrthancServer) -> int:
    """The revision of the configuration that a node obeys, 0 before the first."""
    return int(node.get("/orthanc-console/status").get("config_revision") or 0)


def wait_for_revision(node: OrthancServer, number: int) -> None:
    """Wait until a node obeys a configuration at least as new as this one."""
    wait_for(lambda: revision(node) >= number, "the configuration is in force", interval=0.02)


def settle(node: OrthancServer) -> int:
    """Wait until a node obeys a configuration that does not change any more; return its revision."""
    seen: list[int] = []

    def unchanged() -> bool:
        seen.append(revision(node))
        return len(seen) >= 3 and seen[-1] == seen[-2] == seen[-3] != 0

    wait_for(unchanged, f"{node.name} obeys the console", interval=0.3)
    return seen[-1]


def add_destination(console: ConsoleServer, name: str, server: OrthancServer, **more: Any) -> int:
    """Make a destination of an Orthanc, a modality unless `kind` says otherwise."""
    if more.get("kind", "modality") == "modality":
        place = {"aet": server.aet, "host": "127.0.0.1", "port": server.dicom_port}
        address: dict[str, Any] = {"kind": "modality", **place}
    else:
        address = {"url": f"{server.http_url}/"}
    return int(console.post("/destinations/", {"name": name, **address, **more})["id"])


def forward(
    console: ConsoleServer, nodes: Iterable[OrthancServer], destinations: list[int], **rule: Any
) -> None:
    """Make a rule, of every study unless it says otherwise, and wait until it is in force."""
    before = {node: settle(node) for node in nodes}
    defaults = {"name": "Everything", "expression": "true", "enforcement": "active"}
    console.post("/rules/", {**defaults, "destinations": destinations, **rule})
    for node, old in before.items():
        wait_for_revision(node, old + 1)
        settle(node)


def arrived(destination: OrthancServer) -> int:
    """How many instances a destination has stored."""
    return int(destination.get("/statistics")["CountInstances"])


def wait_for_arrival(destination: OrthancServer, instances: int, timeout: float = 300) -> None:
    """Wait until a destination has stored that many instances."""
    wait_for(
        lambda: arrived(destination) >= instances,
        f"{instances} instances arrive at {destination.name}",
        timeout,
        interval=0.03,
    )
