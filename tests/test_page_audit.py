"""The audit trail in the browser."""

from __future__ import annotations

from django.test import Client

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from tests.factories import make_modality, make_rule


def test_it_shows_who_did_what_with_the_difference(charlie_client: Client, alice: User) -> None:
    changes = {"host": ["192.0.2.1", "192.0.2.2"], "password": ["••••••", "••••••"]}
    log.record(alice, "destination.changed", make_modality("PACS"), changes=changes)
    page = charlie_client.get("/audit/").content.decode()
    for words in ("alice", "destination.changed", "PACS", "2 fields"):
        assert words in page
    assert "<del>192.0.2.1</del>" in page
    assert "<ins>192.0.2.2</ins>" in page


def test_it_is_filtered(charlie_client: Client, alice: User, bob: User) -> None:
    log.record(alice, "rule.created", make_rule("rule of alice"))
    log.record(bob, "destination.paused", make_modality("PACS"))
    for query, seen, hidden in (
        ("?actor=alice", "rule of alice", "PACS"),
        ("?verb=destination", "PACS", "rule of alice"),
    ):
        page = charlie_client.get(f"/audit/{query}").content.decode()
        assert seen in page
        assert hidden not in page


def test_an_empty_trail_says_what_will_be_in_it(charlie_client: Client) -> None:
    assert b"Nothing was changed yet" in charlie_client.get("/audit/").content


def test_its_filters_offer_what_is_there(charlie_client: Client, alice: User) -> None:
    log.record(alice, "rule.created", make_rule())
    log.record(alice, "destination.paused", make_modality())
    page = charlie_client.get("/audit/?verb=rule.").content.decode()
    for value in ("rule.created", "destination.paused", "destination", "rule"):
        assert f'<option value="{value}">' in page
    assert '<option value="rule." selected>' in page


def test_what_concerns_accounts_is_for_administrators(
    charlie_client: Client, alice_client: Client, alice: User, bob: User
) -> None:
    log.record(alice, "user.changed", bob)
    assert "user.changed" in alice_client.get("/audit/").content.decode()
    assert "user.changed" not in charlie_client.get("/audit/").content.decode()
