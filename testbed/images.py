"""The images of the Dockerfile, built without an engine: with buildah, on a base that debootstrap makes.

`python -m testbed.images` builds them and prints their sizes. They lie in a store of their own under
``$XDG_CACHE_HOME/orthanc-console/images``, so that a second build takes what it can from the first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from testbed.versions import CACHE, VersionUnavailableError, debian_mirror

REPOSITORY = Path(__file__).resolve().parent.parent
SUITE = "trixie"
BASE = f"localhost/orthanc-console-base:{SUITE}"
STORE = CACHE / "images"
BUILDAH = ["buildah", "--root", str(STORE / "root"), "--runroot", str(STORE / "run")]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# By itself buildah asks, depending on its version, for more than some machines allow, even to root.
LIMITS = ["--ulimit=nofile=10240:10240", "--ulimit=nproc=10240:10240"]
# Without an engine the build runs in a chroot and in the machine's network.
BUILD_OPTIONS = " ".join(["--isolation chroot --network host --pull-never", *LIMITS])
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Layers that no later build takes up again are never removed one by one; past so many, all are.
MOST_LAYERS = 300


class ImagesUnavailableError(Exception):
    """Images cannot be built on this machine; the text says why."""


class BuildError(Exception):
    """A build, or buildah itself, failed; the text ends with what it wrote."""


@dataclass(frozen=True)
class Image:
    """A built image."""

    name: str

    @cached_property
    def described(self) -> dict[str, Any]:
        """What the image says of itself: `config` and `history`, as the OCI specifies them."""
        inspected: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", self.name))
        description: dict[str, Any] = inspected["OCIv1"]
        return description

    @property
    def config(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Cmd and WorkingDir."""
        config: dict[str, Any] = self.described["config"]
        return config

    @property
    def size(self) -> int:
        """Bytes of all layers, unpacked."""
        [image] = json.loads(buildah("images", "--json", self.name))
        # buildah says "123 MB", with decimal units.
        number, unit = image["size"].split()
        return int(float(number) * {"KB": 10**3, "MB": 10**6, "GB": 10**9}[unit])

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The file system of a new container of this image."""
        container = buildah("from", "--pull-never", self.name)
        try:
            yield Path(buildah("mount", container))
        finally:
            buildah("rm", container)


def build() -> dict[str, Image]:
    """Build both images, and return them by the name of their target.

    Raises:
        ImagesUnavailableError: something that this needs is missing.
        BuildError: the build failed.
    """
    ensure_base()
    with _locked_store():
        _run([str(REPOSITORY / "scripts" / "build-images.sh")], _build_settings())
    return {target: Image(f"orthanc-console/{target}:latest") for target in ("console", "orthanc")}


def ensure_base() -> None:
    """Make the base image, once.

    Raises:
        ImagesUnavailableError: something that this needs is missing.
    """
    if os.geteuid() != 0:
        raise ImagesUnavailableError(
            "Images are built with debootstrap and chroot, which need root."
        )
    for program in ("buildah", "debootstrap", "ip"):
        if shutil.which(program) is None:
            raise ImagesUnavailableError(f"{program} is not installed: run `make setup`.")
    with _locked_store():
        if len(buildah("images", "--all", "--quiet").splitlines()) > MOST_LAYERS:
            buildah("rmi", "--all", "--force")
        if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
            _make_base()


@contextmanager
def _locked_store() -> Iterator[None]:
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_settings() -> dict[str, str]:
    settings = {
        "BUILDER": " ".join(BUILDAH),
        "BUILD_BASE": BASE,
        "BUILD_OPTIONS": BUILD_OPTIONS,
    }
    if CERTIFICATES.exists():
        settings["BUILD_CERTIFICATES"] = str(CERTIFICATES)
    return settings


def _make_base() -> None:
    try:
        mirror = debian_mirror()
    except VersionUnavailableError as error:
        raise ImagesUnavailableError(str(error)) from error
    with tempfile.TemporaryDirectory(dir=STORE, prefix="base-") as folder:
        script = str(REPOSITORY / "testbed" / "build-base.sh")
        _run([script, SUITE, mirror, folder], {})
        Path(folder).chmod(0o755)
        container = buildah("from", "scratch")
        buildah("add", "--quiet", container, folder, "/")
        buildah("config", "--env", f"PATH={PATH}", container)
        buildah("commit", "--quiet", container, BASE)
        buildah("rm", container)


def buildah(*arguments: str) -> str:
    """Run buildah on the store and return what it prints. Raises BuildError where it fails."""
    run = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise BuildError(f"buildah {arguments[0]}: {run.stderr.strip()[-2000:]}")
    return run.stdout.strip()


def _run(command: list[str], settings: dict[str, str]) -> None:
    log = STORE / "build.log"
    with log.open("w") as output:
        run = subprocess.run(
            command,
            env={**os.environ, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if run.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise BuildError(f"{command[0]} failed; it ends with\n{tail}\n(all of it: {log})")


if __name__ == "__main__":
    try:
        for built in build().values():
            print(f"{built.name}  {built.size / 1e6:.0f} MB")
    except (ImagesUnavailableError, BuildError) as problem:
        sys.exit(str(problem))
