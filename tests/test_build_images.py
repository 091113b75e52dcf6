"""scripts/build-images.sh takes the builder that works, and lends it what the site needs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orthanc_console.version import VERSION

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "build-images.sh"


def builder(folder: Path, name: str, works: bool = True) -> None:
    """A program that notes its arguments, and whose `info` tells whether it works."""
    program = folder / name
    answer = "exit 0" if works else "exit 1"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = info ]; then {answer}; fi\necho {name} "$@" >>{folder}/calls\n'
    )
    program.chmod(0o755)


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    for tool in ("bash", "dirname", "sed", "sh"):
        (folder / tool).symlink_to(f"/usr/bin/{tool}")
    command = [f"{folder}/bash", str(SCRIPT)]
    environment = {"PATH": str(folder), **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"docker": True, "podman": True, "buildah": True}, "docker"),
        ({"docker": False, "podman": True, "buildah": True}, "podman"),
        ({"docker": False, "buildah": True}, "buildah"),
    ],
)
def test_the_first_that_works_builds_both(
    there: dict[str, bool], taken: str, tmp_path: Path
) -> None:
    for name, works in there.items():
        builder(tmp_path, name, works)
    assert run(tmp_path).returncode == 0
    first, second = calls(tmp_path)
    for call, target in ((first, "orthanc"), (second, "console")):
        assert call.startswith(f"{taken} build ")
        assert f"--target {target} " in call
        assert (
            f"--tag orthanc-console/{target}:{VERSION} --tag orthanc-console/{target}:latest"
            in call
        )


def test_it_says_what_to_install_when_none_works(tmp_path: Path) -> None:
    builder(tmp_path, "docker", works=False)
    ended = run(tmp_path)
    assert ended.returncode == 1 and "buildah" in ended.stderr


def test_settings_of_the_site_are_lent_as_secrets(tmp_path: Path) -> None:
    builder(tmp_path, "docker")
    settings = {
        "BUILD_CERTIFICATES": "/c.pem", "BUILD_PIP_CONF": "/pip.conf", "BUILD_NPMRC": "/npmrc",
        "BUILD_BASE": "registry/debian", "BUILD_OPTIONS": "--network host",
    }  # fmt: skip
    assert run(tmp_path, **settings).returncode == 0
    for call in calls(tmp_path):
        assert "--network host --build-arg BASE=registry/debian" in call
        lent = [
            f"--secret id={name},src={path}"
            for name, path in (("certificates", "/c.pem"), ("pip", "/pip.conf"), ("npm", "/npmrc"))
        ]
        assert all(secret in call for secret in lent)
        assert "--build-arg PIP" not in call


def test_a_failed_build_ends_it(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = info ] && exit 0\necho "$@" >>{os.fspath(tmp_path)}/calls\nexit 3\n'
    )
    program.chmod(0o755)
    assert run(tmp_path).returncode == 3
    assert len(calls(tmp_path)) == 1
