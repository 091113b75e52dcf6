"""docs/install.md and the units of systemd tell the same as the console does."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from orthanc_console import places

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
FOLDER = REPOSITORY / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
PROGRAM = "/opt/orthanc-console/bin/orthanc-console"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a program that is there."""
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return [tmp_path / unit.name for unit in UNITS]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_page_installs_what_the_units_run(unit: Path) -> None:
    found = ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(unit)
    service = found["Service"]
    assert service["ExecStart"].startswith(f"{PROGRAM} ")
    assert f"ln -sf {PROGRAM} " in PAGE
    assert f"--home {places.SERVICE_DATA} {service['User']}\n" in PAGE
    assert f"/var/lib/{service['StateDirectory']}" == str(places.SERVICE_DATA)
    assert f" environment {places.SERVICE_SETTINGS}\n" in PAGE
    assert unit.name in PAGE


def test_the_settings_that_it_offers_are_those_of_the_console() -> None:
    read = "".join(
        (REPOSITORY / "orthanc_console" / name).read_text()
        for name in (
            *("settings.py", "env.py", "agent/management/commands/serve.py"),
            "keeping/management/commands/backup.py",
        )
    )
    offered = re.findall(r"^#([A-Z_]+)=", (FOLDER / "environment").read_text(), re.M)
    assert offered
    assert [name for name in offered if f'("{name}"' not in read] == []


@needs_systemd
def test_systemd_finds_no_mistake_in_the_units(units: list[Path]) -> None:
    run = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_the_services_well_confined(units: list[Path]) -> None:
    for unit in units:
        run = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-300:]
