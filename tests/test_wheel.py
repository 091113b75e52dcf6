"""`pip install` of the wheel gives the whole console, with `orthanc-console` in place of `manage.py`."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from orthanc_console.agent import bundle
from testbed.console import ConsoleServer

REPOSITORY = Path(__file__).resolve().parent.parent
# Folders beside the packages; the console needs all of those that are there.
BESIDE = ("locale", "static", "templates")


@dataclass(frozen=True)
class Installed:
    wheel: Path
    venv: Path
    console: ConsoleServer

    def command(self) -> Path:
        return self.venv / "bin" / "orthanc-console"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel, and a console that runs from it. The packages that it needs are those of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = _build(folder)
    venv = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    quick = ["--no-index", "--no-deps", "--no-compile"]
    _pip("--python", f"{venv}/bin/python", "install", *quick, str(wheel))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = venv / "lib" / version / "site-packages"
    (packages / "of-the-tests.pth").write_text(sysconfig.get_path("purelib"))
    database = {"DATABASE_URL": f"sqlite:///{folder}/console.sqlite3"}
    program = [str(venv / "bin" / "orthanc-console")]
    console = ConsoleServer(folder / "data", environment=database, program=program)
    with console:
        yield Installed(wheel, venv, console)


def _build(folder: Path) -> Path:
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(REPOSITORY))
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pip(*arguments: str) -> None:
    _run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_it_runs_from_what_was_installed_alone(installed: Installed) -> None:
    print_path = "import routing.models; print(routing.models.__file__)"
    path = installed.console.manage("shell", "--no-imports", "--command", print_path)
    assert Path(path).is_relative_to(installed.venv)


def test_every_file_beside_the_packages_is_in_it(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
    for name in BESIDE:
        for path in (REPOSITORY / name).rglob("*"):
            inside = f"orthanc_console/installed/{path.relative_to(REPOSITORY).as_posix()}"
            assert path.is_dir() or inside in names


def test_its_pages_have_styles_and_icons(installed: Installed) -> None:
    console = installed.console
    page = requests.get(f"{console.url}/login/", timeout=30).text
    links = re.findall(r'<(?:link|script)[^>]* (?:href|src)="(/static/[^"]+)"', page)
    assert any("tabler" in link for link in links)
    for link in links:
        assert requests.get(console.url + link, timeout=30).ok, link
    browser = requests.Session()
    browser.get(f"{console.url}/login/", timeout=30)
    answers = {"username": console.user, "password": console.password}
    answers["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
    overview = browser.post(f"{console.url}/login/", data=answers, timeout=30)
    overview.raise_for_status()
    assert '<svg class="icon"' in overview.text


def test_it_hands_out_the_same_plugin(installed: Installed) -> None:
    token = installed.console.create_node("main")
    answer = requests.get(
        f"{installed.console.url}/agent/plugin.zip",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.content == bundle.as_zip()


def test_cron_would_call_its_command(installed: Installed) -> None:
    ask = "from django.conf import settings; print(settings.CRONTAB_DJANGO_MANAGE_PATH)"
    path = installed.console.manage("shell", "--no-imports", "--command", ask)
    assert Path(path) == installed.command()
