"""`manage.py install_schedule`, with a crontab of its own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

CRONTAB = """#!/bin/sh
file={folder}/table
[ -e {folder}/broken ] && echo "crontab: cannot open" >&2 && exit 1
case "$1" in
  -l) if [ -e $file ]; then cat $file; else echo "no crontab for root" >&2; exit 1; fi ;;
  *) [ -e {folder}/full ] || cp "$1" $file ;;
esac
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cron"
    folder.mkdir()
    script = folder / "crontab"
    script.write_text(CRONTAB.format(folder=folder))
    script.chmod(0o755)
    environment = tmp_path / "schedule.env"
    monkeypatch.setattr(settings, "CRONTAB_EXECUTABLE", str(script))
    monkeypatch.setattr(settings, "SCHEDULE_ENVIRONMENT", environment)
    monkeypatch.setattr(settings, "CRONTAB_COMMAND_PREFIX", f". {environment};")
    return folder / "table"


def test_one_line_calls_the_console_every_minute(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:pass'word@host/name")
    call_command("install_schedule")
    (line,) = table.read_text().splitlines()
    assert line.startswith("* * * * * . ") and "crontab run" in line
    assert line.endswith("# orthanc-console")
    kept = Path(settings.SCHEDULE_ENVIRONMENT)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "export DATABASE_URL='postgres://user:pass'\"'\"'word@host/name'" in kept.read_text()
    assert "pass" not in line


def test_it_can_be_installed_again_and_removed_and_leaves_other_lines(table: Path) -> None:
    other = "0 3 * * * backup # not ours\n"
    table.write_text(other)
    call_command("install_schedule")
    call_command("install_schedule")
    assert len(table.read_text().splitlines()) == 2
    call_command("install_schedule", remove=True)
    assert table.read_text() == other


def test_the_line_of_an_earlier_version_is_replaced(table: Path) -> None:
    old = "* * * * * python /old/manage.py crontab run 0123456789abcdef # orthanc-console\n"
    table.write_text(old)
    call_command("install_schedule")
    (line,) = table.read_text().splitlines()
    assert "/old/" not in line


def test_a_crontab_that_cannot_be_read_is_left_alone(table: Path) -> None:
    table.write_text("0 3 * * * backup\n")
    (table.parent / "broken").touch()
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("install_schedule")
    assert table.read_text() == "0 3 * * * backup\n"


def test_a_line_that_did_not_get_there_is_noticed(table: Path) -> None:
    (table.parent / "full").touch()
    with pytest.raises(CommandError, match="not in the crontab"):
        call_command("install_schedule")


def test_a_machine_without_cron_is_told_what_to_do(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CRONTAB_EXECUTABLE", "no-such-crontab")
    with pytest.raises(CommandError, match=r"manage\.py scheduler"):
        call_command("install_schedule")


@pytest.mark.django_db
def test_the_line_does_what_it_should(table: Path) -> None:
    from django_crontab.crontab import Crontab

    from purge.models import SchedulerBeat

    call_command("install_schedule")
    job = table.read_text().split("crontab run ")[1].split()[0]
    Crontab().run_job(job)
    assert SchedulerBeat.objects.get().error == ""
