"""What the environment says wrong is told in one sentence, and what is made is for its owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def manage(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    given = ("DATABASE_URL", "DATABASE_URL_FILE", "SECRET_KEY", "FIELD_KEYS", "PORT")
    others = {name: value for name, value in os.environ.items() if name not in given}
    settings = {"DJANGO_SETTINGS_MODULE": "orthanc_console.settings", "DATA_DIR": str(data)}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**others, **settings, **variables},
        capture_output=True,
        text=True,
        check=False,
        umask=0o022,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a console that ran one command."""
    folder = tmp_path_factory.mktemp("site") / "data"
    assert manage(folder, "check").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("variables", "command", "said"),
    [
        ({"SECRET_KEY_FILE": "/nowhere/key"}, "check", "SECRET_KEY_FILE names /nowhere/key"),
        ({"DATABASE_URL": "bogus"}, "check", "DATABASE_URL is neither like"),
        ({"DATABASE_URL": "postgres://u:geheim@h:x/y"}, "check", "DATABASE_URL is neither like"),
        ({"DATABASE_URL": "sqlite:////dev/null/x"}, "check", "/dev/null/x cannot be made"),
        ({"DATA_DIR": "/dev/null/data"}, "check", "/dev/null/data cannot be made"),
        ({"PORT": "abc"}, "serve", "PORT has to be a whole number"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    data: Path, variables: dict[str, str], command: str, said: str
) -> None:
    run = manage(data, command, **variables)
    assert run.returncode == 1
    assert said in run.stderr and run.stderr.count("\n") == 1
    assert "geheim" not in run.stderr


@pytest.mark.parametrize("command", ["create_user dora --role admin", "scheduler"])
def test_a_command_before_the_first_migration_says_so(data: Path, command: str) -> None:
    run = manage(data, *command.split(), CONSOLE_PASSWORD="correct horse battery staple")
    assert run.returncode == 1
    assert "run the command “migrate” first" in run.stderr and run.stderr.count("\n") == 1


def test_a_postgresql_that_is_away_is_named_without_its_password(data: Path) -> None:
    run = manage(data, "migrate", DATABASE_URL="postgres://me:geheim@127.0.0.1:9/console")
    assert run.returncode == 1
    assert "PostgreSQL does not answer at 127.0.0.1, port 9: " in run.stderr
    assert "geheim" not in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["connect_timeout=3", "conn_max_age=60"])
def test_options_of_its_address_are_taken(data: Path, option: str) -> None:
    address = f"postgres://me:geheim@127.0.0.1:9/console?{option}"
    run = manage(data, "migrate", DATABASE_URL=address)
    assert run.returncode == 1
    assert "PostgreSQL does not answer at 127.0.0.1, port 9: " in run.stderr
    assert run.stderr.count("\n") == 1


def test_folder_keys_and_database_are_for_their_owner_alone(data: Path) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}
    assert (data / "console.sqlite3").exists()


def test_a_folder_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert manage(tmp_path, "check").returncode == 0
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
