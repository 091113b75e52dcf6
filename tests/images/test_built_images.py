"""What is in the images, and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orthanc_console.agent.bundle import SCRIPT
from testbed.images import Image

MEGABYTES = {"console": 400, "orthanc": 600}
BUILD_TOOLS = ("cc", "gcc", "g++", "make", "node", "npm", "pip", "pip3", "git", "uv")
PROGRAM_FOLDERS = ("usr/bin", "usr/local/bin", "usr/sbin", "opt/venv/bin")
# Where a build could leave its settings, credentials among them, and what the console makes up without any.
LEFTOVERS = (
    *("etc/pip.conf", "root/.npmrc", "root/.config", "root/.cache", "build", "run/secrets"),
    *(
        "data/secret_key",
        "data/field_keys",
        "opt/orthanc-console/data",
        "opt/orthanc-console/.npmrc",
    ),
)


def test_an_image_is_small(image: Image) -> None:
    [target] = [name for name in MEGABYTES if image.name.startswith(f"orthanc-console/{name}")]
    assert image.size < MEGABYTES[target] * 10**6


def test_nobody_is_root(image: Image, root: Path) -> None:
    uid = image.config["User"].partition(":")[0]
    names = dict(line.split(":")[2::-2] for line in (root / "etc/passwd").read_text().splitlines())
    assert uid != "0" and uid in names


def test_no_build_tools_are_left(root: Path) -> None:
    left = [root / folder / tool for folder in PROGRAM_FOLDERS for tool in BUILD_TOOLS]
    assert [str(path) for path in left if path.exists()] == []


def test_nothing_of_the_build_is_left(root: Path) -> None:
    assert [path for path in LEFTOVERS if (root / path).exists()] == []
    assert list((root / "secrets").rglob("*.*")) == []


def test_the_secrets_for_orthanc_are_the_consoles_in_both_images(root: Path) -> None:
    # Docker takes the owner of a new volume from any image that it is mounted in.
    folder = (root / "secrets/orthanc").stat()
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o777) == (900, 900, 0o750)


def test_no_secret_is_told_by_the_description(image: Image) -> None:
    told = json.dumps(image.described)
    assert "ocn_" not in told and "oct_" not in told
    names = [variable.partition("=")[0] for variable in image.config["Env"]]
    assert [
        name for name in names if re.search("KEY|PASSWORD|TOKEN|SECRET|INDEX|PROXY", name, re.I)
    ] == []


def test_nothing_that_was_built_can_be_changed_by_who_runs_it(image: Image, root: Path) -> None:
    uid = int(image.config["User"].partition(":")[0])
    own = [path for path in (root / "opt").rglob("*") if path.lstat().st_uid == uid]
    assert own == []
    writable = [
        path
        for path in (root / "opt").rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o022
    ]
    assert writable == []


@pytest.mark.parametrize("image", ["console"], indirect=True)
def test_static_files_are_collected_and_compressed(image: Image, root: Path) -> None:
    files = root / "opt/orthanc-console/staticfiles"
    styles = list((files / "vendor/tabler").glob("*.min.css"))
    assert styles
    assert all(path.with_name(f"{path.name}.gz").exists() for path in styles)


@pytest.mark.parametrize("image", ["orthanc"], indirect=True)
def test_the_plugin_stands_alone(image: Image, root: Path) -> None:
    files = {path.name for path in (root / "opt/orthanc-console").iterdir()}
    assert SCRIPT in files and "manage.py" not in files
    assert "TCP_NODELAY=1" in image.config["Env"]
