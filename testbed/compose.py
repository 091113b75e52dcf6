"""What Docker Compose itself makes of docker-compose.yml: defaults, anchors and variables replaced, and checked.

Compose needs no engine for that. Where the machine's Debian has no Compose 2 yet, the program is taken out of a newer
one's package, into the store of the images.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from testbed.images import BASE, LIMITS, REPOSITORY, STORE, buildah, ensure_base

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
PLUGIN = Path("usr/libexec/docker/cli-plugins/docker-compose")
FETCH = "cd /tmp && apt-get update && apt-get download docker-compose && dpkg -x docker-compose_*.deb /tmp/x"
# What the test bed obeys, and what has no meaning for one that builds and cleans up by itself.
OBEYED = {
    *("image", "command", "entrypoint", "user", "group_add", "environment", "volumes", "tmpfs"),
    *("read_only", "cap_drop", "security_opt", "depends_on", "healthcheck", "profiles"),
}
WITHOUT_MEANING = {
    *(
        "build",
        "pull_policy",
        "logging",
        "restart",
        "stop_grace_period",
        "networks",
        "network_mode",
    ),
    *("ports", "shm_size"),
}


class Mount(NamedTuple):
    """A volume, whose `source` is its name, or a folder or file of the machine, whose source is its path."""

    source: str
    target: str
    writable: bool

    @property
    def is_volume(self) -> bool:
        """Whether it is a volume."""
        return not self.source.startswith("/")


@dataclass(frozen=True)
class Service:
    """One service. `waits_for` is what must be so of others before it starts."""

    name: str
    image: str
    user: str
    groups: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    tmpfs: tuple[str, ...]
    read_only: bool
    unprivileged: bool
    waits_for: Mapping[str, str]
    healthcheck: tuple[str, ...]
    profiles: tuple[str, ...]


def configuration(variables: Mapping[str, str], *profiles: str) -> dict[str, Any]:
    """What `docker compose config` says, as JSON.

    Raises:
        ImagesUnavailableError: there is no Compose, and none can be had.
        subprocess.CalledProcessError: the file is not valid; `stderr` says why.
    """
    chosen = [f"--profile={profile}" for profile in profiles]
    command = [program(), f"--file={COMPOSE_FILE}", *chosen, "config", "--format=json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(STORE), **variables}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def services(variables: Mapping[str, str], *profiles: str) -> dict[str, Service]:
    """The services by name, in an order in which each comes after those it waits for.

    Raises:
        ValueError: the file says something that the test bed does not know.
    """
    said = configuration(variables, *profiles)["services"]
    read = {name: _service(name, each) for name, each in said.items()}
    return {name: read[name] for name in _in_order(read)}


def program() -> str:
    """The path of Compose 2 as a program of its own."""
    for path in (Path("/", PLUGIN), STORE / "docker-compose"):
        if path.exists():
            return str(path)
    ensure_base()
    container = buildah("from", "--pull-never", *LIMITS, BASE)
    try:
        buildah("run", "--isolation=chroot", "--network=host", container, "sh", "-c", FETCH)
        root = Path(buildah("mount", container))
        shutil.copy(root / "tmp" / "x" / PLUGIN, STORE / "docker-compose")
    finally:
        buildah("rm", container)
    return str(STORE / "docker-compose")


def _service(name: str, said: dict[str, Any]) -> Service:
    given = {key: value for key, value in said.items() if value is not None}
    unknown = given.keys() - OBEYED - WITHOUT_MEANING
    if unknown:
        raise ValueError(f"{name}: the test bed does not know {', '.join(sorted(unknown))}")
    kind, *check = given.get("healthcheck", {}).get("test", ["CMD"])
    if kind != "CMD":
        raise ValueError(f"{name}: health checks are lists that begin with CMD")
    return Service(
        name=name,
        image=given["image"],
        user=given.get("user", ""),
        groups=tuple(given.get("group_add", ())),
        command=tuple(given.get("command", ())),
        environment=given.get("environment", {}),
        mounts=tuple(
            Mount(each["source"], each["target"], not each.get("read_only"))
            for each in given.get("volumes", ())
        ),
        tmpfs=tuple(given.get("tmpfs", ())),
        read_only=given.get("read_only", False),
        unprivileged=given.get("cap_drop") == ["ALL"]
        and given.get("security_opt") == ["no-new-privileges:true"],
        waits_for={other: how["condition"] for other, how in given.get("depends_on", {}).items()},
        healthcheck=tuple(check),
        profiles=tuple(given.get("profiles", ())),
    )


def _in_order(found: Mapping[str, Service]) -> Iterator[str]:
    """Compose itself has refused services that wait for each other in a circle."""
    waits = {name: each.waits_for.keys() for name, each in found.items()}
    return iter(TopologicalSorter(waits).static_order())
