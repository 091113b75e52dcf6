"""Sending studies by hand and looking after lanes, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Command, Node
from routing.models import Destination, Lane
from tests.browser.conftest import sign_in
from tests.factories import make_delivery, make_modality, make_node, make_study

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def node(transactional_db: None) -> Node:
    return make_node("main", online=True)[0]


@pytest.fixture
def pacs(transactional_db: None) -> Destination:
    return make_modality("PACS")


def test_chosen_studies_are_sent_and_the_outcome_appears_by_itself(
    node: Node, pacs: Destination, bob_page: Page
) -> None:
    for number in range(3):
        make_study(node, study_description=f"Abdomen {number}")
    bob_page.goto("/studies/")
    boxes = bob_page.locator("input[name=chosen]")
    expect(bob_page.locator("#bulk")).to_be_hidden()
    boxes.nth(0).check()
    boxes.nth(2).check()
    bar = bob_page.locator("#bulk")
    expect(bar).to_contain_text("2 chosen")
    bar.get_by_label("Send to").select_option(label="PACS · DICOM modality (C-STORE)")
    bar.get_by_role("button", name="Send 2").click()
    expect(bob_page.get_by_role("heading", name="Send 2 studies to PACS")).to_be_visible()
    expect(bob_page.get_by_text("2 are not answered yet.")).to_be_visible()
    command = Command.objects.get()
    command.result = {"done": ["a", "b"], "skipped": []}
    command.ok, command.finished_at = True, command.created_at
    command.save()
    expect(bob_page.get_by_text("2 are done.")).to_be_visible(timeout=10_000)


SUBMIT_TWICE = """form => [1, 2].map(() => {
  const event = new SubmitEvent("submit", {bubbles: true, cancelable: true});
  form.dispatchEvent(event);
  return event.defaultPrevented;
})"""


def test_a_form_goes_once_and_again_after_one_came_back_to_it(
    node: Node, pacs: Destination, bob_page: Page
) -> None:
    make_study(node)
    bob_page.goto("/studies/all/")
    form = bob_page.locator("main form[method=post]")
    assert form.evaluate(SUBMIT_TWICE) == [False, True]
    bob_page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow'))")
    bob_page.get_by_label("Send to").select_option(label="PACS · DICOM modality (C-STORE)")
    bob_page.get_by_role("button", name="Send 1 study").click()
    expect(bob_page.get_by_role("heading", name="Send 1 study to PACS")).to_be_visible()
    assert Command.objects.count() == 1


def test_without_scripts_studies_are_sent_as_well(
    node: Node, pacs: Destination, bob: User, open_browser: Callable[..., BrowserContext]
) -> None:
    make_study(node)
    page = sign_in(open_browser(java_script_enabled=False).new_page(), "bob")
    page.goto("/studies/")
    page.locator("input[name=chosen]").check()
    page.get_by_label("Send to").last.select_option(label="PACS · DICOM modality (C-STORE)")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", name="Send 1 study to PACS")).to_be_visible()


def test_on_a_phone_a_lane_is_seen_paused_and_drained(
    node: Node, pacs: Destination, bob: User, open_browser: Callable[..., BrowserContext]
) -> None:
    Lane.objects.create(node=node, destination=pacs, state="waiting", waiting=1)
    make_delivery(make_study(node), pacs, state="waiting")
    page = sign_in(open_browser("phone").new_page(), "bob")
    page.goto("/lanes/")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]
    page.get_by_role("button", name="Pause PACS").click()
    expect(page.get_by_text("PACS is paused.")).to_be_visible()
    expect(page).to_have_url("/lanes/")
    page.get_by_role("link", name="Cancel all that waits").click()
    page.get_by_role("button", name="Cancel 1 delivery").click()
    expect(page.get_by_role("heading", name="Cancel 1 delivery")).to_be_visible()
    assert Command.objects.get().kind == "cancel"


def test_the_error_of_a_lane_can_be_read_while_the_page_is_live(
    node: Node, pacs: Destination, bob_page: Page
) -> None:
    said = 'DicomAssociation - connecting to AET "PACS": DUL Association Rejected'
    Lane.objects.create(node=node, destination=pacs, state="failing", last_error=said)
    bob_page.goto("/lanes/")
    bob_page.get_by_text("The destination refused to talk to Orthanc").click()
    expect(bob_page.get_by_text(said)).to_be_visible()
    bob_page.wait_for_timeout(4000)
    expect(bob_page.get_by_text(said)).to_be_visible()
