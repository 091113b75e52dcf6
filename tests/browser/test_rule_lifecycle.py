"""A rule in the browser after it was written: replayed, activated, reverted, ordered, and kept when a session ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from orthanc_console.accounts.models import User
from routing.models import Backtest, Destination, Rule, Study
from tests.browser.conftest import sign_in
from tests.browser.editing import open_text, text_of
from tests.conftest import PASSWORD
from tests.factories import make_rule, make_study

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_changed_rule_is_replayed_against_the_saved_one(
    alice_page: Page, pacs: Destination, studies: list[Study]
) -> None:
    page = alice_page
    rule = make_rule("r", 'Modality == "CT"', destinations=[pacs])
    page.goto(f"/rules/{rule.pk}/edit/")
    open_text(page)
    page.get_by_label("Condition").fill('Modality == "MR"')
    expect(page.locator("#check")).to_contain_text("Modality is MR")
    page.get_by_role("button", name="30 days").click()
    replayed = page.locator("#replayed")
    expect(replayed).to_contain_text("1 of 3 studies of the last 30 days match")
    replayed.get_by_text("Newly matched: 1").click()
    expect(replayed.get_by_role("link", name="MR · Knee")).to_be_visible()
    replayed.get_by_text("No longer matched: 2").click()
    expect(replayed.get_by_role("link", name="CT · Head")).to_be_visible()


def test_a_long_replay_shows_how_far_it_is_and_can_be_cancelled(
    alice_page: Page, studies: list[Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.services.backtests.EVERY", 1)
    monkeypatch.setattr("routing.views.rule_backtests.STEP_SECONDS", 0)
    for _number in range(40):
        make_study(studies[0].node)
    page = alice_page
    rule = make_rule("r", "true")
    page.goto(f"/rules/{rule.pk}/edit/")
    page.get_by_role("button", name="7 days").click()
    replayed = page.locator("#replayed")
    expect(replayed.get_by_role("progressbar")).to_be_visible()
    expect(replayed).to_contain_text("of 43 studies")
    # Nobody's finger is as quick as the next step.
    replayed.get_by_role("button", name="Cancel").hover()
    page.mouse.down()
    progress = replayed.locator(".replay-progress").inner_text()
    expect(replayed.locator(".replay-progress")).not_to_have_text(progress)
    page.mouse.up()
    expect(replayed).to_contain_text("Cancelled after")
    made = Backtest.objects.get()
    assert made.state == "cancelled" and 0 < made.tally["seen"] < 43


def test_activating_shows_first_what_it_would_have_done(
    alice_page: Page, pacs: Destination, studies: list[Study]
) -> None:
    page = alice_page
    rule = make_rule("r", 'Modality == "CT"', destinations=[pacs], enforcement="disabled")
    page.goto(f"/rules/{rule.pk}/")
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("2 of 3 studies of the last 30 days match")).to_be_visible()
    rule.refresh_from_db()
    assert rule.enforcement == "disabled"
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("“r” is active")).to_be_visible()


def test_a_rule_goes_back_to_an_earlier_revision(alice_page: Page, pacs: Destination) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    page.get_by_label("Name", exact=True).fill("r")
    page.get_by_label("Condition").fill('Modality == "CT"')
    page.get_by_label("PACS").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Edit").click()
    open_text(page)
    page.get_by_label("Condition").fill('Modality == "MR"')
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="1", exact=True).click()
    expect(page.locator("del, .out").first).to_contain_text("CT")
    page.get_by_role("button", name="Go back to this revision").click()
    expect(page.get_by_text("saved as revision 3")).to_be_visible()
    assert Rule.objects.get().expression == 'Modality == "CT"'


def test_rules_are_ordered_by_dragging(alice_page: Page) -> None:
    page = alice_page
    for name in ("one", "two", "three"):
        make_rule(name)
    page.goto("/rules/")
    page.locator(".rule-handle").nth(2).drag_to(
        page.locator("tbody tr").first, target_position={"x": 200, "y": 3}
    )
    expect(page.locator("tbody tr .main").first).to_have_text("three")
    assert [rule.name for rule in Rule.objects.all()] == ["three", "one", "two"]


def test_what_was_typed_outlives_the_session(alice_page: Page, pacs: Destination) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    page.get_by_label("Name", exact=True).fill("typed for an hour")
    page.get_by_label("Condition").fill('Modality == "CT"')
    page.get_by_label("PACS").check()
    Session.objects.all().delete()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/rules/new/")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed for an hour")
    assert text_of(page) == 'Modality == "CT"'
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="typed for an hour")).to_be_visible()
    page.goto("/rules/new/")
    expect(page.get_by_role("tab", name="Builder")).to_be_visible()
    expect(page.get_by_role("button", name="Take it back")).to_have_count(0)


def test_without_scripts_a_rule_is_checked_tested_and_saved(
    alice: User,
    open_browser: Callable[..., BrowserContext],
    pacs: Destination,
    studies: list[Study],
) -> None:
    page = sign_in(open_browser(java_script_enabled=False).new_page(), "alice")
    page.goto("/rules/new/")
    page.get_by_label("Name", exact=True).fill("r")
    page.get_by_label("Condition").fill('Modality == "CT"')
    page.get_by_label("PACS").check()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("#try-counts")).to_contain_text("2 match, 1 do not")
    expect(page.get_by_label("PACS")).to_be_checked()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("2 of 3 studies of the last 30 days match")).to_be_visible()
    page.get_by_role("button", name="Save and activate").click()
    expect(page.get_by_role("heading", name="r", exact=True)).to_be_visible()
