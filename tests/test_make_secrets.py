"""`deploy/console/make-secrets`: what is lost is made again so that it fits what is left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "deploy" / "console" / "make-secrets"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("console", "database", "orthanc"):
        (tmp_path / name).mkdir()
    make(tmp_path)
    return tmp_path


def make(folder: Path) -> None:
    subprocess.run([str(SCRIPT), str(folder)], check=True, capture_output=True)


def picture(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_address_of_the_database_has_its_password(secrets: Path) -> None:
    made = picture(secrets)
    assert len(made) == 6 and all(made.values())
    password = made["database/password"]
    assert made["console/database_url"] == f"postgres://console:{password}@database:5432/console"


@pytest.mark.parametrize("lost", ["database/password", "console/database_url"])
def test_one_of_the_two_is_made_again_from_the_other(lost: str, secrets: Path) -> None:
    before = picture(secrets)
    (secrets / lost).unlink()
    make(secrets)
    assert picture(secrets) == before


def test_the_address_of_a_database_elsewhere_is_kept_and_tells_no_password(secrets: Path) -> None:
    elsewhere = "postgres://me:mine@db.example.org/console"
    (secrets / "console" / "database_url").write_text(elsewhere)
    (secrets / "database" / "password").unlink()
    make(secrets)
    made = picture(secrets)
    assert made["console/database_url"] == elsewhere
    assert made["database/password"] not in ("", "mine")
