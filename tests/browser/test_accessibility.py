"""axe finds nothing serious on any page, in both themes, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from orthanc_console.accounts.models import User
from testbed.sample_data import PASSWORD, Site, fill
from testbed.screenshots import administering, configuring, watching
from tests.browser.conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SERIOUS = ("serious", "critical")
# Rows are alike, and axe measures the contrast of each word.
SHORTEN = "document.querySelectorAll('tbody tr:nth-child(n+16)').forEach((row) => row.remove())"


@pytest.fixture
def site(transactional_db: None) -> Site:
    return fill(count=120)


def violations(page: Page, **options: Any) -> list[dict[str, Any]]:
    run = Axe().run(page, options={"resultTypes": ["violations"], **options})
    return list(run.response["violations"])


def findings(page: Page) -> list[str]:
    """In both themes, of which the other differs in its colours alone."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += violations(page, runOnly=["color-contrast"])
    return [
        f"{page.url}: {each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("pages", [watching, configuring, administering])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_axe_finds_nothing_serious(
    size: str,
    pages: Callable[[Site], dict[str, str]],
    site: Site,
    open_browser: Callable[..., BrowserContext],
) -> None:
    page = sign_in(open_browser(size).new_page(), site.admin.username, PASSWORD)
    found = []
    for address in pages(site).values():
        page.goto(address)
        for summary in page.locator("main summary").all():
            # That of the filters is for phones.
            if summary.is_visible():
                summary.click()
        page.evaluate(SHORTEN)
        found += findings(page)
    assert found == []


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_axe_finds_nothing_serious_from_signing_in_to_attaching_a_node(
    size: str, alice: User, open_browser: Callable[..., BrowserContext]
) -> None:
    page = open_browser(size).new_page()
    page.goto("/login/")
    found = findings(page)
    sign_in(page, "alice")
    page.goto("/nodes/new/")
    page.get_by_label("Name").fill("attached")
    page.get_by_role("button", name="Add the node").click()
    page.get_by_role("tab", name="Docker").click()
    found += findings(page)
    assert found == []
