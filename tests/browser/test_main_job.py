"""From the log-in to a study that is seen to arrive."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from orthanc_console.nodes.models import Command
from routing.models import Destination, Rule
from tests.agent import Agent
from tests.factories import attempt, delivery_report, make_modality, study_report

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_destination_a_rule_and_a_delivery_that_appears_by_itself(alice_page: Page) -> None:
    page = alice_page
    agent = Agent("main")
    agent.sync()

    page.get_by_role("link", name="Destinations").click()
    page.get_by_role("link", name="Add a destination").first.click()
    page.get_by_label("Name", exact=True).fill("PACS")
    page.get_by_label("AE title").fill("PACS")
    page.get_by_label("Host").fill("192.0.2.7")
    page.get_by_label("Port").fill("104")
    page.get_by_role("button", name="Add the destination").click()
    expect(page.get_by_role("heading", name="PACS", exact=True)).to_be_visible()
    pacs = Destination.objects.get()

    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="Write a rule").first.click()
    page.get_by_label("Name", exact=True).fill("CT to PACS")
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Condition").fill('Modalty == "CT"')
    expect(page.locator("#check")).to_contain_text("Did you mean Modality?")
    page.get_by_label("Condition").fill('Modality == "CT"')
    expect(page.locator("#check")).to_contain_text("Modality is CT")
    page.get_by_label("PACS").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="CT to PACS")).to_be_visible()
    rule = Rule.objects.get()

    page.get_by_role("link", name="Deliveries", exact=True).click()
    expect(page.get_by_text("Nothing was forwarded yet")).to_be_visible()
    ident = str(uuid.uuid4())
    used = [{"id": rule.pk, "name": rule.name, "revision": 1}]
    agent.sync(
        events=[
            study_report(seq=1),
            delivery_report(ident, pacs, "sending", seq=2, rules=used, attempts=1),
        ]
    )
    state = page.locator(f"#state-{ident}")
    expect(state).to_contain_text("Sending")
    agent.sync(
        events=[
            delivery_report(
                ident,
                pacs,
                "delivered",
                seq=3,
                rules=used,
                attempts=1,
                delivered_count=3,
                attempt=attempt(1, "succeeded"),
            )
        ]
    )
    expect(state).to_contain_text("Delivered")
    expect(page.get_by_role("link", name="CT to PACS")).to_be_visible()
    state.click()
    expect(page.get_by_text("3 of 3 delivered")).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_be_visible()


def test_a_first_run_goes_from_nothing_to_a_rule(alice_page: Page) -> None:
    page = alice_page
    page.get_by_role("link", name="Attach a node").click()
    page.get_by_label("Name").fill("main")
    page.get_by_role("button", name="Add the node").click()
    expect(page.get_by_text("Waiting for the first call of main")).to_be_visible()
    token = re.search(r"ocn_[\w-]{40,}", page.content())
    assert token is not None

    plugin = Agent.__new__(Agent)
    plugin.token, plugin.client = token[0], Agent("unused").client
    found = {"kind": "modality", "name": "PACS", "aet": "PACS", "host": "192.0.2.7", "port": 104}
    status = {"orthanc_version": "1.12.7", "discovered": [{**found, "url": "", "username": ""}]}
    assert plugin.post(plugin.body(status=status)).status_code == 200
    expect(page.get_by_text("main is attached: Orthanc 1.12.7")).to_be_visible()

    page.get_by_role("link", name="Go on with the checklist").click()
    page.get_by_role("link", name="Everything to all of these").click()
    expect(page.get_by_text("PACS@192.0.2.7:104")).to_be_visible()
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_text("The rule is active.")).to_be_visible()
    assert Rule.objects.get().expression == "true"


def asked(agent: Agent) -> dict[str, Any]:
    """What the node is asked to do; a call that it makes before ends with the new configuration."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if commands := agent.sync(wait=5)["commands"]:
            return dict(commands[0])
    raise AssertionError("the node is asked nothing")


def test_echo_shows_its_result_in_the_page(bob_page: Page) -> None:
    page = bob_page
    agent = Agent("main")
    agent.sync()
    pacs = make_modality("PACS")
    page.goto(f"/destinations/{pacs.pk}/")
    page.get_by_role("button", name="Echo").click()
    expect(page.get_by_text("Asking the destination through Orthanc")).to_be_visible()
    command = asked(agent)
    agent.sync(
        results=[
            {
                "command": command["id"],
                "ok": True,
                "detail": "C-ECHO succeeded",
                "data": {"milliseconds": 12},
            }
        ]
    )
    expect(page.get_by_text("PACS answered in 12 ms.")).to_be_visible()
    expect(page.get_by_text("Asking the destination through Orthanc")).to_be_hidden()
    assert Command.objects.get().ok


def test_echo_from_the_list_says_at_once_that_it_is_asking(bob_page: Page) -> None:
    page = bob_page
    agent = Agent("main")
    agent.sync()
    make_modality("PACS")
    page.goto("/destinations/")
    page.get_by_role("button", name="Echo PACS").click()
    expect(page.get_by_text("Asking the destination through Orthanc")).to_be_visible()
    command = asked(agent)
    said = {"command": command["id"], "ok": False, "detail": "Connection refused", "data": {}}
    agent.sync(results=[said])
    expect(page.get_by_text("The echo to PACS failed.")).to_be_visible()
    expect(page.get_by_text("Connection refused")).to_be_visible()
