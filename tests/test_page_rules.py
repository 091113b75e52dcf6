"""Rules in the browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from routing.models import Destination, Rule, RuleRevision
from tests.factories import make_modality, make_node, make_rule


@pytest.fixture
def pacs(db: None) -> Destination:
    return make_modality("PACS")


def values(destination: Destination, **changes: Any) -> dict[str, Any]:
    return {
        "name": "CT to PACS",
        "expression": 'Modality == "CT"',
        "destinations": [destination.pk],
        "enforcement": "active",
        "level": "study",
        "late_arrivals": "delta",
        "priority": "normal",
        "reason": "asked for by radiology",
        **changes,
    }


def test_it_saves_a_rule_with_its_first_revision(alice_client: Client, pacs: Destination) -> None:
    response = alice_client.post("/rules/new/", values(pacs))
    rule = Rule.objects.get()
    assert response.headers["Location"] == f"/rules/{rule.pk}/"
    assert list(rule.destinations.all()) == [pacs]
    revision = RuleRevision.objects.get()
    assert (revision.number, revision.author_name) == (1, "alice")
    assert revision.reason == "asked for by radiology"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('Modalty == "CT"', "Modality"),
        ('SliceThickness > "thick"', "column"),
        ('Modality == "CT" and', "column"),
        ("", "This field is required"),
    ],
)
def test_a_wrong_condition_is_explained_and_nothing_is_lost(
    expression: str, said: str, alice_client: Client, pacs: Destination
) -> None:
    page = alice_client.post("/rules/new/", values(pacs, expression=expression)).content.decode()
    assert said in page
    assert "Nothing was saved" in page
    assert 'value="CT to PACS"' in page
    assert not Rule.objects.exists()


def test_a_check_marks_the_place_of_the_error(charlie_client: Client) -> None:
    response = charlie_client.post("/rules/check/", {"expression": 'Modalty == "CT"'})
    page = response.content.decode()
    assert "Line 1, column 1" in page
    assert "<mark>Modalty</mark>" in page
    assert "Did you mean Modality?" in page


def test_a_check_says_in_words_what_is_right(charlie_client: Client) -> None:
    page = charlie_client.post("/rules/check/", {"expression": 'Modality == "CT"'}).content
    assert b'class="sentence"' in page
    assert b"Modality is CT" in page


def test_checking_without_scripts_keeps_the_form_and_saves_nothing(
    alice_client: Client, pacs: Destination
) -> None:
    page = alice_client.post("/rules/new/", values(pacs, check="1", name="")).content.decode()
    assert "Modality is CT" in page
    assert "asked for by radiology" in page
    assert "Nothing was saved" not in page
    assert not Rule.objects.exists()


def test_an_edit_makes_the_next_revision(alice_client: Client, pacs: Destination) -> None:
    alice_client.post("/rules/new/", values(pacs))
    rule = Rule.objects.get()
    edited = values(pacs, expression='Modality == "MR"', seen_revision=1)
    alice_client.post(f"/rules/{rule.pk}/edit/", edited)
    rule.refresh_from_db()
    assert (rule.revision, rule.expression) == (2, 'Modality == "MR"')
    page = alice_client.get(f"/rules/{rule.pk}/").content.decode()
    assert "Modality == &quot;CT&quot;" in page


def test_saving_over_the_change_of_somebody_else_is_refused(
    alice_client: Client, pacs: Destination
) -> None:
    rule = make_rule("CT to PACS", destinations=[pacs], revision=3)
    edit = f"/rules/{rule.pk}/edit/"
    page = alice_client.post(edit, values(pacs, seen_revision=2)).content.decode()
    assert "Somebody saved revision 3 of this rule meanwhile" in page
    rule.refresh_from_db()
    assert rule.expression == "true"


def test_rules_are_moved_with_buttons(alice_client: Client) -> None:
    first, second, third = (make_rule(name) for name in ("one", "two", "three"))
    page = alice_client.get("/rules/").content.decode()
    assert "Move two up" in page
    assert "Move one up" not in page
    alice_client.post(f"/rules/{third.pk}/move/", {"position": "1"})
    assert [rule.name for rule in Rule.objects.all()] == ["three", "one", "two"]
    assert [first.name, second.name] == ["one", "two"]


def test_a_position_that_is_no_number_moves_nothing(alice_client: Client) -> None:
    rule = make_rule()
    page = alice_client.post(f"/rules/{rule.pk}/move/", {"position": "up"}, follow=True)
    assert b"Nothing was moved" in page.content


@pytest.mark.parametrize("enforcement", ["dry_run", "disabled"])
def test_enforcement_changes_in_one_click(
    enforcement: str, alice_client: Client, pacs: Destination
) -> None:
    rule = make_rule(destinations=[pacs])
    alice_client.post(f"/rules/{rule.pk}/enforcement/", {"enforcement": enforcement})
    rule.refresh_from_db()
    assert rule.enforcement == enforcement
    assert list(rule.destinations.all()) == [pacs]


def test_an_unknown_enforcement_changes_nothing(alice_client: Client, pacs: Destination) -> None:
    rule = make_rule(destinations=[pacs])
    alice_client.post(f"/rules/{rule.pk}/enforcement/", {"enforcement": "perhaps"})
    rule.refresh_from_db()
    assert rule.enforcement == "active"


def test_everything_to_all_of_these_names_them_first(
    alice_client: Client, pacs: Destination
) -> None:
    make_modality("OFF", enabled=False)
    page = alice_client.get("/rules/everything/").content.decode()
    assert "PACS" in page
    assert "OFF" not in page
    assert not Rule.objects.exists()
    alice_client.post("/rules/everything/")
    rule = Rule.objects.get()
    assert rule.expression == "true"
    assert list(rule.destinations.all()) == [pacs]


def test_everything_without_a_destination_is_refused_with_the_reason(alice_client: Client) -> None:
    page = alice_client.post("/rules/everything/", follow=True).content.decode()
    assert "No destination is known yet" in page


def test_a_rule_is_deleted_after_a_question(alice_client: Client) -> None:
    rule = make_rule("old rule")
    assert b"Delete the rule" in alice_client.get(f"/rules/{rule.pk}/delete/").content
    alice_client.post(f"/rules/{rule.pk}/delete/")
    assert not Rule.objects.exists()


def test_the_list_shows_order_sentence_and_destinations(
    charlie_client: Client, pacs: Destination
) -> None:
    node, _secret = make_node("main")
    make_rule("CT", 'Modality == "CT"', destinations=[pacs], nodes=[node], stop_on_match=True)
    page = charlie_client.get("/rules/").content.decode()
    for words in ("Modality is CT", "PACS", "only on", "main", "stops here when it matches"):
        assert words in page


def test_no_rule_yet_teaches_the_next_step(alice_client: Client) -> None:
    page = alice_client.get("/rules/").content
    assert b"nothing is forwarded" in page
    assert b'href="/rules/everything/"' in page


def test_a_rule_is_put_at_a_position_from_its_own_page(
    alice_client: Client, charlie_client: Client
) -> None:
    rule = make_rule()
    assert b'name="position"' in alice_client.get(f"/rules/{rule.pk}/").content
    assert b'name="position"' not in charlie_client.get(f"/rules/{rule.pk}/").content


def test_the_page_of_a_rule_leads_to_its_changes(alice_client: Client, pacs: Destination) -> None:
    alice_client.post("/rules/new/", values(pacs))
    rule = Rule.objects.get()
    address = f"/audit/?object_type=rule&object_id={rule.pk}"
    page = alice_client.get(f"/rules/{rule.pk}/").content.decode()
    assert address.replace("&", "&amp;") in page
    assert "rule.created" in alice_client.get(address).content.decode()
