"""Where an installed console keeps its data, and where a clone does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from orthanc_console import command, places


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the service, which is not there yet, of a console that was installed."""
    folder = tmp_path / "service"
    monkeypatch.setattr(places, "INSTALLED", True)
    monkeypatch.setattr(places, "SERVICE_DATA", folder)
    return folder


def test_a_clone_keeps_its_data_inside() -> None:
    assert places.data_dir() == Path(places.__file__).parent.parent / "data"


def test_the_service_and_its_user_share_one_folder(service: Path) -> None:
    service.mkdir()
    assert places.data_dir() == service


@pytest.mark.usefixtures("service")
def test_without_a_service_each_user_has_a_console_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.data_dir() == tmp_path / ".local" / "share" / "orthanc-console"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    assert places.data_dir() == tmp_path / "elsewhere" / "orthanc-console"


def test_another_user_is_told_whose_data_it_is(
    service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: service.stat().st_uid + 1)
    with pytest.raises(ImproperlyConfigured, match=f"sudo -u {service.owner()}"):
        places.data_dir()


def test_a_command_that_cannot_begin_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_arguments: list[str]) -> None:
        raise ImproperlyConfigured("The data belongs to somebody else.")

    monkeypatch.setattr(command, "execute_from_command_line", refuse)
    with pytest.raises(SystemExit, match=r"^The data belongs to somebody else\.$"):
        command.main()
