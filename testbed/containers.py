"""Starts services of docker-compose.yml on Linux' own means, where no container engine runs.

Each has its network namespace with an address on a bridge of the test bed's, its mounts, the user, the groups and the
(missing) capabilities that the file says; its file system is the one that was built. Names of services are addresses
by /etc/hosts. Containers reach each other and the machine, and nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from testbed.compose import Mount, Service
from testbed.images import Image
from testbed.processes import Server, ServerError

# Root, mounts as SOURCE:TARGET:ro or rw, folders for tmpfs, each list ended by --, then what takes over.
ENTER = """
set -e
root=$1
shift
mount --bind "$root" "$root"
for folder in /proc /dev; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done
while [ "$1" != -- ]; do
    source=${1%%:*} rest=${1#*:}
    target=$root${rest%%:*}
    if [ -d "$source" ]; then mkdir -p "$target"; fi
    mount --bind "$source" "$target"
    if [ "${rest##*:}" = ro ]; then mount -o remount,bind,ro "$target"; fi
    shift
done
shift
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount -t tmpfs -o mode=1777,noexec,nosuid,nodev tmpfs "$root$1"
    shift
done
shift
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot "$root" "$@"
"""


class Network:
    """A bridge on the machine, and a network namespace with an address on it for each name."""

    def __init__(self, names: Sequence[str]) -> None:
        # A range for measurements between own devices, which leads nowhere outside.
        self._prefix = f"198.18.{os.getpid() % 250}"
        self._bridge = f"ocb{os.getpid()}"
        self.addresses = {name: f"{self._prefix}.{n}" for n, name in enumerate(names, start=10)}

    @property
    def hosts(self) -> str:
        """What /etc/hosts says in every container."""
        lines = [f"{address} {name}" for name, address in self.addresses.items()]
        return "\n".join(["127.0.0.1 localhost", *lines, ""])

    def namespace(self, name: str) -> str:
        """The file that `nsenter --net=` takes."""
        return f"/run/netns/{self._bridge}-{name}"

    def __enter__(self) -> Self:
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("address", "add", f"{self._prefix}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for number, (name, address) in enumerate(self.addresses.items()):
                self._attach(f"{self._bridge}-{name}", f"{self._bridge}n{number}", address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _attach(self, namespace: str, outside: str, address: str) -> None:
        _ip("netns", "add", namespace)
        pair = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "add", outside, *pair)
        _ip("link", "set", outside, "master", self._bridge, "up")
        _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", interface, "up")

    def __exit__(self, *exception: object) -> None:
        for name in self.addresses:
            if Path(self.namespace(name)).exists():
                _ip("netns", "delete", f"{self._bridge}-{name}")
        if Path(f"/sys/class/net/{self._bridge}").exists():
            _ip("link", "delete", self._bridge)


class Container(Server):
    """A service that runs, or ran to its end, on the file system `root` of its image."""

    def __init__(
        self, service: Service, image: Image, root: Path, network: Network, directory: Path
    ) -> None:
        if not (service.read_only and service.unprivileged):
            raise ValueError(
                f"{service.name}: only hardened services share the file system of an image"
            )
        self.service, self.image, self.network = service, image, network
        self._root, self._directory = root, directory
        self._hosts = directory / "hosts"
        self._hosts.write_text(network.hosts)
        super().__init__(service.name, directory / f"{service.name}.log")

    @property
    def address(self) -> str:
        """Its address on the bridge."""
        return self.network.addresses[self.service.name]

    def create(self) -> None:
        """Prepare its volumes. As with Docker, an empty one gets owner and mode of the mount point, from every image anew."""
        for mount in self.service.mounts:
            if not mount.is_volume:
                continue
            folder, mountpoint = self._volume(mount), self._root / mount.target.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            if mountpoint.is_dir() and not any(folder.iterdir()):
                shutil.copystat(mountpoint, folder)
                os.chown(folder, mountpoint.stat().st_uid, mountpoint.stat().st_gid)

    def command(self) -> list[str]:
        mounts = [f"{self._hosts}:/etc/hosts:ro"]
        for mount in self.service.mounts:
            source = self._volume(mount) if mount.is_volume else mount.source
            mounts.append(f"{source}:{mount.target}:{'rw' if mount.writable else 'ro'}")
        enter = ["nsenter", f"--net={self.network.namespace(self.service.name)}"]
        enter += ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        config = self.image.config
        own = self.service.command or config.get("Cmd") or ()
        return [
            *(*enter, str(self._root), *mounts, "--", *self.service.tmpfs, "--"),
            *(*self._as_user(), *(config.get("Entrypoint") or ()), *own),
        ]

    def environment(self) -> dict[str, str]:
        own = dict(variable.split("=", 1) for variable in self.image.config["Env"])
        return {**own, **self.service.environment}

    def is_ready(self) -> bool:
        if not self.service.healthcheck:
            return True
        return self.execute(*self.service.healthcheck, check=False).returncode == 0

    def execute(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as `docker compose exec` does.

        Raises ServerError with what it wrote where it fails, unless `check` is False.
        """
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--root", "--wd=/"]
        run = subprocess.run(
            [*inside, *self._as_user(), *command],
            env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if check and run.returncode != 0:
            raise ServerError(f"{command} in {self.service.name}: {run.stdout}{run.stderr}")
        return run

    def run(self) -> None:
        """Start it and wait for its end. Raises ServerError unless that is a good one."""
        with self.log.open("ab") as output:
            status = subprocess.run(
                self.command(), env=self.environment(), stdout=output, stderr=output, check=False
            ).returncode
        if status != 0:
            raise ServerError(f"{self.name} ended with {status}:\n{self.log_text()[-3000:]}")

    def _as_user(self) -> list[str]:
        uid, gid = self.service.user.split(":")
        groups = ",".join([gid, *self.service.groups])
        drop = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
        who = ["setpriv", f"--reuid={uid}", f"--regid={gid}", f"--groups={groups}", *drop, "--"]
        return [*who, "env", f"--chdir={self.image.config.get('WorkingDir') or '/'}", "--"]

    def _volume(self, mount: Mount) -> Path:
        return self._directory / "volumes" / mount.source


def _ip(*arguments: str) -> None:
    run = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ServerError(f"ip {' '.join(arguments)}: {run.stderr.strip()}")
