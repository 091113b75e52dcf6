"""A backup is one moment of everything, on any database, and comes back whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from pytest_django.fixtures import Settings

from intercept.models import WebhookTarget
from orthanc_console.accounts.models import ApiToken, Role, User
from orthanc_console.agent.models import Event
from orthanc_console.keeping import backup, keys, tables
from orthanc_console.nodes.models import Node
from orthanc_console.version import VERSION
from purge.models import PurgePolicy
from routing.models import Attempt, Destination, Study
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study

pytestmark = pytest.mark.django_db(transaction=True)
# What a restore adds or changes on purpose.
SETTLED = ("audit.auditevent", "nodes.command", "nodes.configrevision")


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "COST", 2**10)


@pytest.fixture
def site() -> Node:
    """Something in every corner: secrets, links, texts of all scripts, times to the microsecond."""
    user = User.objects.create_user("alice", password="secret of alice", role=Role.ADMIN)
    ApiToken.issue(user, "script")
    node, _token = make_node("main")
    pacs = make_modality("PACS", nodes=[node], password="secret of PACS")
    rule = make_rule("Alles → PACS", destinations=[pacs], nodes=[node])
    study = make_study(node, patient_name="Müller^Jürgen=山田^太郎", facts={"study": {"a": None}})
    delivery = make_delivery(study, pacs, state="delivered", delivered_at=timezone.now())
    delivery.rule_links.create(rule=rule, rule_name=rule.name, revision=1)
    Attempt.objects.create(delivery=delivery, number=1, started_at=timezone.now())
    Event.objects.create(
        id=delivery.pk,
        node=node,
        seq=1,
        kind="delivery.changed",
        at=timezone.now(),
        received_at=timezone.now(),
        study=study,
        delivery=delivery,
    )
    WebhookTarget.objects.create(name="RIS", url="http://192.0.2.1/", secret="secret of RIS")
    PurgePolicy.objects.create(name="old", older_than_days=365, expression="true")
    return node


def picture() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the console, as Python has them; without the keys of terms, which a restore changes."""
    return {
        model._meta.label_lower: list(
            model._base_manager.order_by("pk").values_list(
                *(f.attname for f in model._meta.concrete_fields if f.name != "terms_key")
            )
        )
        for model in tables.models(apps)
    }


def make(path: Path) -> Path:
    call_command("backup", str(path), stderr=io.StringIO())
    return path


def restore(path: Path, **options: Any) -> str:
    said = io.StringIO()
    call_command("restore", str(path), stdout=said, stderr=io.StringIO(), **options)
    return said.getvalue()


def rewritten(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    lines = change(gzip.decompress(path.read_bytes()).splitlines(keepends=True))
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


def with_header(path: Path, **values: Any) -> Path:
    def change(lines: list[bytes]) -> list[bytes]:
        return [json.dumps({**json.loads(lines[0]), **values}).encode() + b"\n", *lines[1:]]

    return rewritten(path, change)


def test_everything_comes_back_as_it_was(site: Node, tmp_path: Path) -> None:
    before = picture()
    path = make(tmp_path / "backup.gz")
    Study.objects.all().delete()
    User.objects.update(username="mallory")
    assert f"version {VERSION}" in restore(path, replace=True)
    after = picture()
    assert {k: v for k, v in after.items() if k not in SETTLED} == {
        k: v for k, v in before.items() if k not in SETTLED
    }
    assert after["audit.auditevent"][-1][4] == "console.restored"
    # The tables are not a copy of another kind: what follows finds its number, its index and its constraint.
    assert make_study(site).pk > before["routing.study"][0][0]
    connection.check_constraints()


def test_only_its_owner_reads_the_file_and_nobody_the_secrets_in_it(
    site: Node, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_PASSPHRASE", "open sesame")
    path = make(tmp_path / "backup.gz")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    text = gzip.decompress(path.read_bytes()).decode()
    for secret in ("secret of", "open sesame", *settings.FIELD_KEYS):
        assert secret not in text


def test_a_backup_is_of_one_moment_while_others_go_on_writing(
    site: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "CHUNK", 1)
    late: list[Study] = []

    def meanwhile(table: str, done: int) -> None:
        if not late:
            late.append(make_study(site, patient_id="too late"))

    file = io.BytesIO()
    counts = backup.write(file, "", meanwhile)
    assert late and Study.objects.count() == 2
    assert counts["routing.study"] == 1
    assert b"too late" not in gzip.decompress(file.getvalue())


def test_a_console_with_other_keys_needs_the_passphrase_and_then_uses_its_own_keys(
    site: Node, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_PASSPHRASE", "open sesame")
    path = make(tmp_path / "backup.gz")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    monkeypatch.delenv("BACKUP_PASSPHRASE")
    with pytest.raises(CommandError, match="give its passphrase"):
        restore(path, replace=True)
    monkeypatch.setenv("BACKUP_PASSPHRASE", "open barley")
    with pytest.raises(CommandError, match="does not open"):
        restore(path, replace=True)
    monkeypatch.setenv("BACKUP_PASSPHRASE", "open sesame")
    restore(path, replace=True)
    assert Destination.objects.get().password == "secret of PACS"


def test_without_the_passphrase_it_is_said_which_key_is_missing(
    site: Node, tmp_path: Path, settings: Settings
) -> None:
    path = make(tmp_path / "backup.gz")
    missing = keys.fingerprint(settings.FIELD_KEYS[0])
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match=f"{missing}.*Nothing was changed"):
        restore(path, replace=True)


def test_a_backup_without_any_secret_needs_no_key(tmp_path: Path, settings: Settings) -> None:
    make_modality("PACS")
    path = make(tmp_path / "backup.gz")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert "type them in again" not in restore(path, replace=True)
    assert Destination.objects.get().name == "PACS"


def test_without_secrets_all_else_is_restored_and_those_to_type_in_again_are_named(
    site: Node, tmp_path: Path, settings: Settings
) -> None:
    path = make(tmp_path / "backup.gz")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    said = restore(path, replace=True, without_secrets=True)
    assert "password of destination “PACS”" in said
    assert "signing secret of webhook target “RIS”" in said
    assert Destination.objects.get().password == WebhookTarget.objects.get().secret == ""
    assert Study.objects.count() == 1


def test_a_console_that_has_data_is_left_alone_unless_told(site: Node, tmp_path: Path) -> None:
    path = make(tmp_path / "backup.gz")
    with pytest.raises(CommandError, match=r"not empty: .*routing\.study.*--replace"):
        restore(path)
    assert Study.objects.count() == 1


def test_a_backup_is_tried_without_changing_a_console_that_has_data(
    site: Node, tmp_path: Path
) -> None:
    path = make(tmp_path / "backup.gz")
    make_node("newer")
    before = picture()
    said = restore(path, check=True)
    assert (
        "can be restored; where the console has data, with --replace. Nothing was changed." in said
    )
    assert picture() == before
    assert Node.objects.filter(name="newer").exists()
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_backup_is_found_by_trying_it(site: Node, tmp_path: Path) -> None:
    path = rewritten(make(tmp_path / "backup.gz"), lambda lines: [*lines[:-3], lines[-1]])
    with pytest.raises(CommandError, match=r"damaged.*Nothing was changed"):
        restore(path, check=True)


def test_a_file_that_is_cut_off_changes_nothing(site: Node, tmp_path: Path) -> None:
    path = make(tmp_path / "backup.gz")
    path.write_bytes(path.read_bytes()[:-40])
    before = picture()
    with pytest.raises(CommandError, match=r"cut off.*Nothing was changed"):
        restore(path, replace=True)
    assert picture() == before


def test_a_file_that_lost_a_line_changes_nothing(site: Node, tmp_path: Path) -> None:
    path = rewritten(make(tmp_path / "backup.gz"), lambda lines: [*lines[:-3], lines[-1]])
    before = picture()
    with pytest.raises(CommandError, match=r"damaged.*Nothing was changed"):
        restore(path, replace=True)
    assert picture() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 something else", gzip.compress(b"[1]\n")],
    # Compressed data tells the time, and the processes of one run must agree on a test's name.
    ids=["empty", "zip", "other lines"],
)
def test_another_file_is_recognised(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "holiday.gz"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"[Bb]ackup.*Nothing was changed"):
        restore(path)


@pytest.mark.parametrize(
    "newer",
    [{"format": 2, "version": "9.9"}, {"migrations": [["routing", "9999_x"]], "version": "9.9"}],
)
def test_a_backup_of_a_newer_console_names_the_version_that_it_needs(
    newer: dict[str, Any], tmp_path: Path
) -> None:
    path = with_header(make(tmp_path / "backup.gz"), **newer)
    with pytest.raises(CommandError, match=r"version 9\.9.*Nothing was changed"):
        restore(path)


@pytest.mark.parametrize("wrong", ["keys", "version"])
def test_no_backup_is_better_than_one_that_cannot_be_restored(
    site: Node, tmp_path: Path, settings: Settings, wrong: str
) -> None:
    path = make(tmp_path / "backup.gz")
    good = path.read_bytes()
    recorder = MigrationRecorder(connection)
    if wrong == "keys":
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    else:
        recorder.record_unapplied("keeping", "0001_retention_settings")
    try:
        with pytest.raises(CommandError, match=r"FIELD_KEYS|migrate"):
            make(path)
    finally:
        if wrong == "version":
            recorder.record_applied("keeping", "0001_retention_settings")
    assert path.read_bytes() == good
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(site: Node, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="could not be written"):
        make(tmp_path / "no such folder" / "backup.gz")
