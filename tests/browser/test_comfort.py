"""What makes the pages pleasant: live lists that wait, keyboard, theme, phone, signing out elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Command
from routing.models import Delivery
from tests.browser.conftest import sign_in
from tests.factories import make_delivery, make_modality, make_node, make_study
from tests.purge_things import make_line, make_policy, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def failed_deliveries(count: int) -> list[Delivery]:
    node, _secret = make_node("main", online=True)
    pacs = make_modality("PACS")
    return [make_delivery(make_study(node), pacs, state="failed") for _number in range(count)]


def test_what_is_chosen_survives_and_the_bar_counts_it(bob_page: Page) -> None:
    first, second, _third = failed_deliveries(3)
    page = bob_page
    page.goto("/deliveries/")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    page.locator(f"#chosen-{first.pk}").check()
    page.locator(f"#chosen-{second.pk}").check()
    expect(bar).to_contain_text("2 chosen")
    expect(page.locator("#live-bar")).to_contain_text("Waiting while you choose.")
    page.wait_for_timeout(4000)
    expect(page.locator(f"#chosen-{first.pk}")).to_be_checked()
    bar.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("2 deliveries")).to_be_visible()
    assert len(Command.objects.get().data["deliveries"]) == 2


def test_shift_and_the_box_in_the_head_choose_many(bob_page: Page) -> None:
    made = failed_deliveries(4)
    page = bob_page
    page.goto("/deliveries/")
    boxes = page.locator("input[name=chosen]")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("#bulk")).to_contain_text("3 chosen")
    page.get_by_label("Choose all on this page").check()
    expect(page.locator("#bulk")).to_contain_text(f"{len(made)} chosen")


def test_a_live_list_can_be_paused(bob_page: Page) -> None:
    page = bob_page
    (delivery,) = failed_deliveries(1)
    page.goto("/deliveries/")
    page.get_by_role("button", name="Stop updating").click()
    Delivery.objects.update(state="delivered")
    page.wait_for_timeout(4000)
    expect(page.locator(f"#state-{delivery.pk}")).to_contain_text("Failed")
    page.get_by_role("button", name="Update again").click()
    expect(page.locator(f"#state-{delivery.pk}")).to_contain_text("Delivered")


def test_a_live_page_says_when_one_is_signed_out(bob_page: Page) -> None:
    page = bob_page
    page.goto("/deliveries/")
    Session.objects.all().delete()
    expect(page.locator("#live-bar")).to_contain_text("You are signed out.")


def test_the_keyboard_reaches_search_and_content(bob_page: Page) -> None:
    page = bob_page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No study matches")).to_be_visible()
    assert "nobody" not in page.url


def test_every_control_of_a_form_is_reached_in_order_and_its_focus_is_seen(
    alice_page: Page,
) -> None:
    page = alice_page
    page.goto("/destinations/new/")
    page.get_by_label("Name", exact=True).focus()
    reached = []
    for _number in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const element = document.activeElement, style = getComputedStyle(element);
                  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                  return [element.name || element.textContent.trim(), seen];
                }"""
            )
        )
    names = [name for name, _seen in reached]
    assert names[:4] == ["kind", "aet", "host", "port"]
    assert "Add the destination" in names
    assert all(seen for _name, seen in reached[: names.index("Add the destination") + 1])


def test_the_fields_of_a_destination_follow_its_kind(alice_page: Page) -> None:
    page = alice_page
    page.goto("/destinations/new/")
    expect(page.get_by_label("AE title")).to_be_visible()
    expect(page.get_by_label("URL")).to_be_hidden()
    page.get_by_label("Orthanc peer").check()
    expect(page.get_by_label("AE title")).to_be_hidden()
    expect(page.get_by_label("URL")).to_be_visible()


def test_a_theme_that_was_chosen_stays(bob_page: Page) -> None:
    page = bob_page
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.goto("/rules/")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="As the system").click()
    page.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_a_uid_is_copied_whole(bob: User, open_browser: Callable[..., BrowserContext]) -> None:
    uid = "1.2.276.0.7230010.3.1.2.123456789012345678.1"
    node, _secret = make_node()
    study = make_study(node, study_instance_uid=uid)
    page = sign_in(
        open_browser(permissions=["clipboard-read", "clipboard-write"]).new_page(), "bob"
    )
    page.goto(f"/studies/{study.pk}/")
    page.get_by_role("button", name=f"Copy {uid}").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == uid


def test_on_a_phone_nothing_is_wider_than_the_screen(
    bob: User, open_browser: Callable[..., BrowserContext]
) -> None:
    (delivery,) = failed_deliveries(1)
    page = sign_in(open_browser("phone").new_page(), "bob")
    about = f"/deliveries/{delivery.pk}/", f"/studies/{delivery.study_id}/"
    for address in ("/", "/deliveries/", "/destinations/", "/rules/", "/nodes/", *about):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, address


def test_on_common_screens_no_column_of_a_purge_is_cut_off(bob_page: Page) -> None:
    node, _secret = make_node("teleradiology-gateway")
    policy = make_policy("Ultrasound cine loops after 90 days, once they are in the archive")
    run = make_run(node, policy, state="held", planned_count=12_345, kept_count=12_345)
    make_line(run, "kept", reason="undecided", study_description="Thorax mit Kontrastmittel")
    page = bob_page
    for width in (1024, 1280, 1366, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        for address in (f"/purge/runs/{run.pk}/", f"/purge/policies/{policy.pk}/"):
            page.goto(address)
            table = page.locator(".list-scroll").first
            assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), (width, address)


def test_on_a_phone_the_on_call_tasks_work(
    bob: User, open_browser: Callable[..., BrowserContext]
) -> None:
    (delivery,) = failed_deliveries(1)
    page = sign_in(open_browser("phone").new_page(), "bob")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Deliveries", exact=True).click()
    page.locator(f"#state-{delivery.pk}").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 delivery")).to_be_visible()
    page.goto(f"/destinations/{delivery.destination_id}/")
    page.get_by_role("button", name="Pause").first.click()
    expect(page.get_by_text("PACS is paused.")).to_be_visible()


def test_pages_work_without_scripts(
    alice: User, open_browser: Callable[..., BrowserContext]
) -> None:
    page = sign_in(open_browser(java_script_enabled=False).new_page(), "alice")
    page.goto("/rules/new/")
    page.get_by_label("Condition").fill('Modalty == "CT"')
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Did you mean Modality?")).to_be_visible()
    page.goto("/destinations/new/")
    page.get_by_label("Name", exact=True).fill("PEER")
    page.get_by_label("Orthanc peer").check()
    page.get_by_label("URL").fill("https://192.0.2.1:8042/")
    page.get_by_role("button", name="Add the destination").click()
    expect(page.get_by_text("PEER is there now.")).to_be_visible()
