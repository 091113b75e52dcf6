"""What tests of the rule editor do again and again."""

from __future__ import annotations

from playwright.sync_api import Page


def text_of(page: Page) -> str:
    return page.locator("#id_expression").input_value()


def open_text(page: Page) -> None:
    page.get_by_role("tab", name="Text").click()
