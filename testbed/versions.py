"""The Orthanc versions that the tests run against: the machine's own, and others in Debian trees.

A version that the machine does not have is built once with debootstrap into
``$XDG_CACHE_HOME/orthanc-console/SUITE`` (about 350 MB and half a minute) and runs in a chroot
whose loopback network is the machine's.
"""

from __future__ import annotations

import fcntl
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BINARY = "/usr/sbin/Orthanc"
HOST = "host"
# What each suite of Debian had when its name was written down; only the newest still moves.
SUITES = {"1.10.1": "bookworm", "1.12.7": "trixie", "1.13.0": "forky"}

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orthanc-console"
# What was added to the trees last: one without it was built by an older version of the script.
NEWEST_PART = "usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so"
BUILD_SCRIPT = Path(__file__).with_name("build-root.sh")
APT_SETTINGS = Path("/etc/apt")

# The tree is shared by all runs, so nothing can be written to it: what a server keeps must lie in
# one of its folders, and a folder that was forgotten shows at once.
ENTER_ROOT = """
set -e
root=$1 configuration=$2
shift 2
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
for folder in /proc /dev "$@"; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done
mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/sbin/Orthanc "$configuration"
"""


class VersionUnavailableError(Exception):
    """This version of Orthanc cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class OrthancVersion:
    """An Orthanc that can be started; `root` is its Debian tree, or None for the machine's own."""

    name: str
    root: Path | None = None

    def command(self, configuration: Path, folders: Iterable[Path]) -> list[str]:
        """Return the command that becomes Orthanc itself: signals and exit status are Orthanc's.

        `folders` are what it needs besides its own tree: they keep their paths in the chroot, by
        mounts in a namespace that vanishes together with the process.
        """
        if self.root is None:
            return [BINARY, str(configuration)]
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER_ROOT, "sh"]
        return [*enter, str(self.root), str(configuration), *map(str, _outermost(folders))]

    def full_number(self) -> str:
        """Return what Orthanc itself says of its version, such as ``1.10.1``."""
        enter = [] if self.root is None else ["chroot", str(self.root)]
        run = subprocess.run(
            [*enter, BINARY, "--version"], capture_output=True, text=True, check=True
        )
        return run.stdout.split()[1].removesuffix("+dfsg")


@functools.cache
def ensure(name: str) -> OrthancVersion:
    """Return the version `name` (`host` or a key of `SUITES`), building its tree if need be.

    Raises VersionUnavailableError.
    """
    if name == HOST:
        if not Path(BINARY).exists():
            raise VersionUnavailableError(f"{BINARY} is not installed: run `make setup`.")
        return OrthancVersion(HOST)
    if name not in SUITES:
        raise VersionUnavailableError(
            f"{name} is not a known version: use {HOST}, {', '.join(SUITES)}."
        )
    if os.geteuid() != 0:
        raise VersionUnavailableError(f"Orthanc {name} runs in a chroot, which needs root.")
    root = CACHE / SUITES[name]
    if not (root / NEWEST_PART).exists():
        _build(SUITES[name], root)
    return OrthancVersion(name, root)


def version_names() -> list[str]:
    """Return the versions to test: `ORTHANC_VERSIONS` (comma-separated), or else all of them.

    The machine's own stands for the version of the same number.
    """
    chosen = os.environ.get("ORTHANC_VERSIONS")
    if chosen:
        return [name.strip() for name in chosen.split(",")]
    own = ensure(HOST).full_number()
    return [HOST, *(name for name in SUITES if name != own)]


def available_versions() -> list[OrthancVersion]:
    """Return those of `version_names` that can be started here, building what is missing."""
    versions = []
    for name in version_names():
        try:
            versions.append(ensure(name))
        except VersionUnavailableError as error:
            print(error, file=sys.stderr)
    return versions


def debian_mirror(settings: Path = APT_SETTINGS) -> str:
    """Return the Debian mirror that the machine's own apt sources name.

    Raises VersionUnavailableError where there is none, as on Ubuntu.
    """
    sources = [settings / "sources.list", *sorted(settings.glob("*/*.list"))]
    sources += sorted(settings.glob("*/*.sources"))
    for path in filter(Path.is_file, sources):
        for line in path.read_text(encoding="utf-8").splitlines():
            mirror = re.search(r"^[^#]*?\b(https?://\S+/debian)/?(\s|$)", line)
            if mirror:
                return mirror[1]
    raise VersionUnavailableError("The apt sources of this machine name no Debian mirror.")


def _build(suite: str, root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (root / NEWEST_PART).exists():
            return
        log = root.with_suffix(".log")
        print(f"Building a Debian {suite} with Orthanc in {root} …", file=sys.stderr)
        with log.open("w") as output:
            run = subprocess.run(
                ["unshare", "--mount", str(BUILD_SCRIPT), suite, debian_mirror(), str(root)],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                # The lock lasts as long as the build, even when this process is killed.
                pass_fds=[lock.fileno()],
            )
        if run.returncode != 0:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
            raise VersionUnavailableError(
                f"Debian {suite} could not be built; it ends with\n{tail}\n(all of it: {log})"
            )


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Leave out the folders that lie in another one, and so come with it."""
    unique = {folder.resolve() for folder in folders}
    return sorted(f for f in unique if not any(other in f.parents for other in unique))


if __name__ == "__main__":
    for available in available_versions():
        print(available.name, available.full_number())
