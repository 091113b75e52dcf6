from __future__ import annotations

from pathlib import Path

import pytest

from testbed.versions import OrthancVersion, VersionUnavailableError, debian_mirror, ensure

MIRROR = "http://mirror.example/debian"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_mirror_is_read_from_a_one_line_source(tmp_path: Path) -> None:
    write(tmp_path / "sources.list", f"# deb http://old.example/debian x\ndeb {MIRROR} trixie main")
    assert debian_mirror(tmp_path) == MIRROR


def test_the_mirror_is_read_from_a_deb822_source(tmp_path: Path) -> None:
    write(
        tmp_path / "sources.list.d" / "debian.sources",
        f"Types: deb\n# http://snapshot.example/archive/debian/2025\nURIs: {MIRROR}/\nSuites: x\n",
    )
    assert debian_mirror(tmp_path) == MIRROR


def test_the_mirror_is_read_from_a_mirror_list(tmp_path: Path) -> None:
    write(tmp_path / "mirrors" / "debian.list", f"{MIRROR}\n")
    assert debian_mirror(tmp_path) == MIRROR


def test_an_archive_of_something_else_is_no_debian_mirror(tmp_path: Path) -> None:
    write(
        tmp_path / "sources.list.d" / "others.list",
        "deb http://other.example/debian-security x main\ndeb http://other.example/ubuntu y main\n",
    )
    with pytest.raises(VersionUnavailableError, match="no Debian mirror"):
        debian_mirror(tmp_path)


def test_an_unknown_version_is_refused_with_those_that_exist() -> None:
    with pytest.raises(VersionUnavailableError, match=r"0\.9.*host, 1\.10\.1"):
        ensure("0.9")


def test_folders_inside_others_are_mounted_with_them(tmp_path: Path) -> None:
    version = OrthancVersion("x", root=tmp_path / "root")
    inner = tmp_path / "data" / "inner"
    command = version.command(inner / "orthanc.json", [inner, tmp_path / "data", inner])
    assert command[-1] == str(tmp_path / "data")
    assert str(inner) not in command
