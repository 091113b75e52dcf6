"""The rule editor: two views of one rule, tested on studies and on a file, replayed, activated and reverted."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_console.accounts.models import User
from routing.language import parse
from routing.models import Destination, Rule, Study
from tests.browser.conftest import sign_in
from tests.browser.editing import open_text, text_of
from tests.browser.test_accessibility import findings
from tests.factories import make_rule

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_rule_is_built_with_the_keyboard_alone(
    alice_page: Page, pacs: Destination, studies: list[Study]
) -> None:
    page = alice_page
    page.goto("/rules/new/")
    expect(page.get_by_role("tab", name="Builder")).to_have_attribute("aria-selected", "true")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("CT heads")
    page.get_by_role("button", name="Add a condition").focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("combobox", name="Field")
    expect(field).to_be_focused()
    page.keyboard.type("StudyDescr")
    expect(page.get_by_role("option", name="StudyDescription")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Operator")).to_be_focused()
    page.keyboard.type("contains")
    page.keyboard.press("Tab")
    page.keyboard.type("Head")
    expect(page.locator("#check")).to_contain_text("Head")
    page.get_by_role("button", name="Add a condition").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Modality")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Operator").nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("CT")
    expect(page.locator("#check")).to_contain_text("Modality is CT")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#announcer")).to_have_text("Moved to place 1 of 2")
    expect(page.locator("#id_expression")).to_have_value(
        'Modality == "CT" and "Head" in StudyDescription'
    )
    page.get_by_label("PACS").focus()
    page.keyboard.press("Space")
    for button in ("Save", "Save and activate"):
        page.get_by_role("button", name=button, exact=True).focus()
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="CT heads")).to_be_visible()
    assert Rule.objects.get().expression == 'Modality == "CT" and "Head" in StudyDescription'


def test_conditions_are_dragged_and_grouped_with_the_mouse(alice_page: Page) -> None:
    page = alice_page
    rule = make_rule("r", 'Modality == "CT" and RemoteAET == "A" and PatientID == "7"')
    page.goto(f"/rules/{rule.pk}/edit/")
    fields = page.get_by_role("combobox", name="Field")
    expect(fields).to_have_count(3)
    handles = page.locator(".builder-handle")
    handles.nth(2).drag_to(page.locator(".builder-part").first, target_position={"x": 60, "y": 3})
    expect(page.locator("#id_expression")).to_have_value(
        'PatientID == "7" and Modality == "CT" and RemoteAET == "A"'
    )
    page.get_by_role("button", name="Put into a group of its own").nth(1).click()
    page.get_by_role("button", name="Move up").nth(3).click()
    expect(page.locator("#id_expression")).to_have_value(
        'PatientID == "7" and (Modality == "CT" or RemoteAET == "A")'
    )
    page.get_by_label("Joined by").nth(1).select_option("none")
    expect(page.locator("#id_expression")).to_have_value(
        'PatientID == "7" and not (Modality == "CT" or RemoteAET == "A")'
    )
    page.get_by_role("button", name="Remove").first.click()
    expect(page.locator("#id_expression")).to_have_value(
        'not (Modality == "CT" or RemoteAET == "A")'
    )


def test_a_rule_without_a_condition_is_not_saved_and_every_study_is_said_on_purpose(
    alice_page: Page, pacs: Destination
) -> None:
    page = alice_page
    page.goto("/rules/new/")
    page.get_by_label("Name", exact=True).fill("r")
    page.get_by_label("PACS").check()
    expect(page.get_by_text("There is no condition yet.")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Condition")).to_be_focused()
    assert not Rule.objects.exists()
    page.get_by_role("tab", name="Builder").click()
    page.get_by_role("button", name="Let every study match").click()
    expect(page.locator("#check")).to_contain_text("Every study.")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#id_expression")).to_have_value("")
    page.get_by_role("button", name="Let every study match").click()
    expect(page.locator("#id_expression")).to_have_value("true")


def test_an_error_is_underlined_where_it_is_and_corrected_with_a_click(alice_page: Page) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    page.get_by_label("Condition").fill('Modalty == "CT" and SliceThickness < "2"')
    expect(page.locator(".wrong")).to_have_text(["Modalty", '"2"'])
    page.get_by_role("button", name="Did you mean Modality?").click()
    expect(page.locator(".wrong")).to_have_text(['"2"'])
    page.get_by_role("button", name="Did you mean 2?").click()
    expect(page.locator(".wrong")).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text("No error")
    assert text_of(page) == 'Modality == "CT" and SliceThickness < 2'


@pytest.mark.parametrize("end", ["", " and Modalty == 1"])
def test_the_coloured_copy_breaks_its_lines_where_the_text_does(alice_page: Page, end: str) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    parts = (f'(Modality == "M{n}" and StudyDescription =~~ "word {n}")' for n in range(40))
    page.get_by_label("Condition").fill(" or ".join(parts) + end)
    expect(page.locator(".wrong")).to_have_count(1 if end else 0)
    expect(page.locator("#check")).to_contain_text("Modal")
    heights = page.evaluate(
        "[...document.querySelectorAll('.editor-text .mirror, #id_expression')].map((e) => e.scrollHeight)"
    )
    assert heights[0] == heights[1] > 300


def test_names_and_values_of_the_site_are_completed(alice_page: Page, studies: list[Study]) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    area = page.get_by_label("Condition")
    area.press_sequentially("RemoteA")
    option = page.get_by_role("option", name="RemoteAET")
    expect(option).to_contain_text("CT1, MR1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    area.press_sequentially(' == "M')
    expect(page.get_by_role("option", name="MR1")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    area.press_sequentially('"')
    expect(area).to_have_value('RemoteAET == "MR1"')
    expect(page.locator("#try-counts")).to_contain_text("1 match, 2 do not, 0 undecided")


@pytest.mark.parametrize(
    "text",
    [
        'Modality == "CT" and (StudyDate >= $today - t"P30D" or StudyDescription =~~ "^A\\\\d")',
        'ReceivedAt.hour >= 20 or not (ImageType[2] == "LOCALIZER")',
        'SliceThickness + 1 < 3 and Modality in ["CT", "MR"] and StudyTime < t"PT7H30M"',
        '"CT" in ModalitiesInStudy and not (PatientName.as_lower == "doe^john")',
        'StudyDescription == "" and SeriesDescription.starts_with("T1")',
        "true",
    ],
)
def test_switching_between_the_views_loses_nothing(alice_page: Page, text: str) -> None:
    page = alice_page
    rule = make_rule("r", parse(text).text)
    page.goto(f"/rules/{rule.pk}/edit/")
    expect(page.locator(".builder-group").first).to_be_visible()
    stored = text_of(page)
    for _round in range(2):
        open_text(page)
        page.get_by_role("tab", name="Builder").click()
        page.wait_for_timeout(300)
    page.get_by_label("Joined by").first.dispatch_event("change")
    page.wait_for_timeout(500)
    assert text_of(page) == stored


def test_what_the_builder_cannot_draw_is_a_chip(alice_page: Page) -> None:
    page = alice_page
    rule = make_rule("r", 'ReceivedAt.hour >= 20 and Modality == "CT"')
    page.goto(f"/rules/{rule.pk}/edit/")
    expect(page.locator(".builder-chip code")).to_have_text("ReceivedAt.hour >= 20")
    page.get_by_label("Value").fill("MR")
    expect(page.locator("#id_expression")).to_have_value(
        'ReceivedAt.hour >= 20 and Modality == "MR"'
    )


def test_a_text_with_an_error_stays_whole_in_the_builder(alice_page: Page) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    page.get_by_label("Condition").fill('Modality == "CT" and')
    page.get_by_role("tab", name="Builder").click()
    expect(page.locator(".builder-chip code")).to_have_text('Modality == "CT" and')
    open_text(page)
    assert text_of(page) == 'Modality == "CT" and'


def test_the_studies_follow_the_condition_and_show_the_values(
    alice_page: Page, studies: list[Study]
) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    area = page.get_by_label("Condition")
    area.fill('Modality == "CT"')
    expect(page.locator("#try-counts")).to_contain_text("2 match, 1 do not")
    row = page.locator(f"#try-{studies[1].pk}")
    row.locator("summary").click()
    expect(row).to_contain_text("Modality = “MR”")
    area.fill('Modality == "CT" and SliceThickness < 2')
    expect(page.locator("#try-counts")).to_contain_text("0 match, 1 do not, 2 undecided")
    expect(row).to_contain_text("Modality = “MR”")
    page.get_by_label("Studies", exact=True).fill("Abdomen")
    expect(page.locator(".try-row")).to_have_count(1)
    assert "Abdomen" not in page.url


def dicom_file(folder: Path) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / "image.dcm"
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.Modality, dataset.SliceThickness = "CT", "1.25"
    dataset.PatientName, dataset.ImageType = "Doe^Jane", ["ORIGINAL", "PRIMARY"]
    dataset.PixelData = b"\0" * 3_000_000
    dataset["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    path.write_bytes(buffer.getvalue())
    return path


def test_the_tags_of_a_dropped_file_are_tried(alice_page: Page, tmp_path: Path) -> None:
    page = alice_page
    page.goto("/rules/new/")
    open_text(page)
    page.get_by_label("Condition").fill("SliceThickness < 2")
    data = dicom_file(tmp_path).read_bytes()
    transfer = page.evaluate_handle(
        """bytes => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "image.dcm"));
          return transfer;
        }""",
        list(data[:200_000]),
    )
    page.locator("#tried").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.locator("#file-note")).to_contain_text("tags were read")
    expect(page.locator("#try-hand")).to_contain_text("Matched")
    expect(page.locator("#try-hand")).to_contain_text("SliceThickness = “1.25”")
    tags = page.get_by_label("Tags, one on each line")
    assert "ImageType = ORIGINAL\\PRIMARY" in tags.input_value()
    tags.fill("SliceThickness = 5")
    expect(page.locator("#try-hand")).to_contain_text("Did not match")


def test_a_file_that_is_no_dicom_says_so(alice_page: Page, tmp_path: Path) -> None:
    page = alice_page
    path = tmp_path / "letter.txt"
    path.write_text("Dear colleague" * 100)
    page.goto("/rules/new/")
    page.get_by_text("A file, or tags typed by hand").click()
    page.get_by_label("Drop a DICOM file here").set_input_files(path)
    expect(page.locator("#file-note")).to_contain_text("This is no DICOM file")


def test_a_rule_is_built_with_the_mouse_alone_but_for_its_value(alice_page: Page) -> None:
    page = alice_page
    page.goto("/rules/new/")
    page.get_by_role("button", name="Add a group").click()
    page.get_by_role("combobox", name="Field").click()
    page.get_by_role("combobox", name="Field").press_sequentially("StudyDa")
    page.get_by_role("option", name="StudyDate").click()
    page.get_by_label("Operator").select_option(label="is in the last … days")
    page.get_by_label("Days").fill("30")
    expect(page.locator("#check")).to_contain_text("30 days before today")
    page.get_by_label("Operator").select_option(label="is before")
    page.get_by_label("Value").fill("2024-01-31")
    expect(page.locator("#id_expression")).to_have_value('StudyDate < d"2024-01-31"')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_state(
    theme: str,
    alice: User,
    open_browser: Callable[..., BrowserContext],
    pacs: Destination,
    studies: list[Study],
) -> None:
    page = sign_in(open_browser(color_scheme=theme).new_page(), "alice")
    rule = make_rule("r", 'Modality == "CT" and (ReceivedAt.hour > 3 or StudyDate > d"2020-01-01")')
    page.goto(f"/rules/{rule.pk}/edit/")
    expect(page.locator(".builder-chip code")).to_have_text("ReceivedAt.hour > 3")
    page.get_by_role("button", name="Add a condition").last.click()
    expect(page.locator(".suggestions:not([hidden]) li").first).to_be_visible()
    found = findings(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    open_text(page)
    page.get_by_label("Condition").fill('Modalty == "CT" and SliceThickness < "2"')
    expect(page.locator(".wrong")).to_have_count(2)
    page.get_by_label("Condition").press_sequentially(" and Slic")
    expect(page.locator(".suggestions:not([hidden]) li").first).to_be_visible()
    found += findings(page)
    page.keyboard.press("Escape")
    page.get_by_label("Condition").fill('Modality == "MR" and EchoTime < 3')
    expect(page.locator("#try-counts")).to_be_visible()
    for summary in page.locator(".editor-side summary").all():
        summary.click()
    page.get_by_role("button", name="7 days").click()
    expect(page.locator("#replayed")).to_contain_text("of 3 studies")
    found += findings(page)
    assert found == []
