"""What the pages around the rule editor answer, without a browser."""

from __future__ import annotations

import io
from datetime import timedelta

import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from orthanc_console.accounts.models import User
from routing import rule_templates
from routing.language import parse
from routing.models import Backtest, Rule, SiteTag, Study
from routing.services import rules
from tests.agent import Agent
from tests.factories import (
    event,
    make_modality,
    make_node,
    make_rule,
    make_study,
    study_report,
)

pytestmark = pytest.mark.django_db


def studies(*modalities: str) -> list[Study]:
    node, _secret = make_node()
    return [
        make_study(
            node,
            study_description=f"a {modality}",
            size_bytes=1000,
            facts={"study": {"ModalitiesInStudy": modality}, "series": [{"Modality": modality}]},
        )
        for modality in modalities
    ]


def tried(client: Client, expression: str, **values: str) -> str:
    answer = client.post("/rules/try/", {"expression": expression, **values})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_latest_studies_are_decided_with_their_values(charlie_client: Client) -> None:
    studies("CT", "MR", "CT")
    page = tried(charlie_client, 'Modality == "CT"')
    assert "Of the latest 3 studies: 2 match, 1 do not, 0 undecided." in page
    assert "Modality = “MR”" in page


def test_a_search_narrows_the_studies(charlie_client: Client) -> None:
    studies("CT", "MR")
    page = tried(charlie_client, "true", find="a MR")
    assert "Of the latest 1 study: 1 match" in page
    assert "No study is found" in tried(charlie_client, "true", find="nothing such")
    assert "cannot be read here" in tried(charlie_client, "true", find="~broken")


@pytest.mark.parametrize("wrong", ["", "Modalty == 1", '"', "x" * 5000])
def test_a_condition_that_is_wrong_is_not_tried(charlie_client: Client, wrong: str) -> None:
    studies("CT")
    assert "Of the latest" not in tried(charlie_client, wrong)


def test_tags_typed_by_hand_are_tried(charlie_client: Client) -> None:
    typed = "# a comment\nSliceThickness = 1.25\nModality: CT\nImageType = ORIGINAL\\PRIMARY\n"
    page = tried(charlie_client, 'SliceThickness < 2 and "PRIMARY" in ImageType', tags=typed)
    assert "The tags typed by hand" in page
    assert "SliceThickness = “1.25”" in page
    assert "Line 2 is not a tag" in tried(charlie_client, "true", tags="A = 1\nnonsense here")
    assert "more than 1000 lines" in tried(charlie_client, "true", tags="A = 1\n" * 1001)


def test_a_rule_that_an_earlier_one_takes_everything_from_is_warned_of(
    charlie_client: Client,
) -> None:
    make_rule("all CT", '"CT" in ModalitiesInStudy', stop_on_match=True)
    later = make_rule("later")
    narrow = '"CT" in ModalitiesInStudy and StudyDescription == "x"'
    said = "“all CT” comes first"
    assert said in tried(charlie_client, narrow)
    assert said in tried(charlie_client, narrow, rule=str(later.pk))
    assert said not in tried(charlie_client, "true")
    Rule.objects.update(enforcement="dry_run")
    assert said not in tried(charlie_client, narrow)


def test_the_list_marks_what_is_never_asked_and_what_never_matches(charlie_client: Client) -> None:
    make_rule("first", "true", stop_on_match=True)
    make_rule("second", 'Modality == "CT"')
    old = make_rule("old", enforcement="dry_run", position=0)
    Rule.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=91))
    page = charlie_client.get("/rules/").content.decode()
    assert page.count("takes all of its studies and stops") == 1
    assert page.count("no match in 90 days") == 1
    Rule.objects.filter(pk=old.pk).update(last_matched_at=timezone.now())
    assert "no match in 90 days" not in charlie_client.get("/rules/").content.decode()


# Files


def dicom(transfer_syntax: str = ExplicitVRLittleEndian, pixels: int = 10) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = transfer_syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "CT", "Müller^Änne", "P1"
    dataset.ImageType, dataset.SliceThickness = ["ORIGINAL", "PRIMARY"], "1.25"
    block = dataset.private_block(0x19, "ACME 1.0", create=True)
    block.add_new(0x9C, "LO", "group 7")
    dataset.PixelData = b"\0" * pixels
    dataset["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return buffer.getvalue()


def upload(client: Client, content: bytes) -> dict[str, str]:
    file = SimpleUploadedFile("image.dcm", content)
    answer = client.post("/rules/file/", {"file": file}, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.content
    said: dict[str, str] = answer.json()
    return said


def test_the_tags_of_a_file_become_lines(charlie_client: Client) -> None:
    SiteTag.objects.create(
        name="SiteGroup", group="0019", creator="ACME 1.0", element="9c", type="text"
    )
    said = upload(charlie_client, dicom())
    lines = said["tags"].splitlines()
    assert "ImageType = ORIGINAL\\PRIMARY" in lines
    assert "PatientName = Müller^Änne" in lines
    assert "SliceThickness = 1.25" in lines
    assert "SiteGroup = group 7" in lines
    assert "The file was not stored" in said["note"]


def test_only_the_beginning_of_a_large_file_is_kept(charlie_client: Client) -> None:
    said = upload(charlie_client, dicom(pixels=6_000_000))
    assert "Modality = CT" in said["tags"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no DICOM file"),
        (b"not a DICOM file at all" * 20, "no DICOM file"),
        (dicom(DeflatedExplicitVRLittleEndian), "deflated"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 4000, "damaged"),
    ],
)
def test_what_is_no_readable_file_says_why(
    charlie_client: Client, content: bytes, reason: str
) -> None:
    said = upload(charlie_client, content)
    assert reason in said["problem"] and said["tags"] == ""


def test_a_file_cut_anywhere_never_breaks_the_console(charlie_client: Client) -> None:
    whole = dicom()
    for length in range(0, len(whole), 7):
        said = upload(charlie_client, whole[:length])
        assert said["problem"] or said["note"]


def test_a_file_needs_the_token_against_forged_requests(charlie: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(charlie, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/rules/file/", {"file": SimpleUploadedFile("x.dcm", dicom())})
    assert answer.status_code == 403


def test_a_file_without_scripts_gets_a_page(charlie_client: Client) -> None:
    file = SimpleUploadedFile("image.dcm", dicom())
    page = charlie_client.post("/rules/file/", {"file": file}).content.decode()
    assert "Modality = CT" in page and "<h1>Tags of the file</h1>" in page


# Replays


def test_a_replay_is_followed_to_its_end(charlie_client: Client) -> None:
    studies("CT", "MR", "CT")
    asked = {"expression": 'Modality == "CT"', "days": "7"}
    answer = charlie_client.post("/rules/backtest/", asked)
    page = charlie_client.get(answer.headers["Location"]).content.decode()
    assert "<strong>2</strong> of 3 studies of the last 7 days match" in page
    assert 'style="' not in page
    part = charlie_client.post("/rules/backtest/", asked, headers={"HX-Request": "true"})
    assert b"<html" not in part.content and b"2</strong> of 3" in part.content


def test_a_replay_that_is_cancelled_shows_what_it_has(charlie_client: Client) -> None:
    studies("CT")
    charlie_client.post("/rules/backtest/", {"expression": "true", "days": "7"})
    made = Backtest.objects.get()
    Backtest.objects.update(state="running")
    page = charlie_client.post(f"/rules/backtests/{made.pk}/cancel/", follow=True)
    assert b"Cancelled after 1 of 1 studies" in page.content
    assert Backtest.objects.get().state == "cancelled"


def test_a_replay_of_a_wrong_condition_is_refused_in_words(charlie_client: Client) -> None:
    page = charlie_client.post("/rules/backtest/", {"expression": "Modalty", "days": "7"})
    assert b"Correct the condition first" in page.content
    assert not Backtest.objects.exists()


def test_saving_an_active_rule_shows_first_what_it_would_do(alice_client: Client) -> None:
    studies("CT", "MR")
    values = {
        "name": "r",
        "expression": 'Modality == "CT"',
        "destinations": [make_modality().pk],
        "enforcement": "active",
        "level": "study",
        "late_arrivals": "delta",
        "priority": "normal",
    }
    page = alice_client.post("/rules/new/", values).content.decode()
    assert "<strong>1</strong> of 2 studies" in page and "Save and activate" in page
    assert not Rule.objects.exists()
    alice_client.post("/rules/new/", {**values, "confirmed": "1"})
    rule = Rule.objects.get()
    same = alice_client.post(f"/rules/{rule.pk}/edit/", {**values, "name": "renamed"})
    assert same.status_code == 302
    dry = {**values, "expression": "true", "enforcement": "dry_run"}
    assert alice_client.post(f"/rules/{rule.pk}/edit/", dry).status_code == 302


def test_everything_to_everywhere_says_how_much_that_is(alice_client: Client) -> None:
    make_modality()
    studies("CT", "MR")
    page = alice_client.get("/rules/everything/").content.decode()
    assert "In the last 30 days that would have been 2 studies" in page


# Templates, revisions


@pytest.mark.parametrize("template", rule_templates.TEMPLATES)
def test_each_template_is_a_rule(template: rule_templates.Template, alice_client: Client) -> None:
    parsed = parse(template.expression({}))
    assert parsed.errors == [] and parsed.warnings == []
    page = alice_client.get(f"/rules/new/?template={template.key}").content.decode()
    assert f'value="{template.name}"' in page


def test_templates_take_the_values_of_the_site(alice_client: Client) -> None:
    node, _secret = make_node()
    make_study(node, facts={"study": {"RemoteAET": "GE_CT_7"}, "series": []})
    page = alice_client.get("/rules/templates/").content.decode()
    assert "RemoteAET == &quot;GE_CT_7&quot;" in page


def test_a_revision_shows_what_changed_and_is_gone_back_to(
    alice: User, alice_client: Client, charlie_client: Client
) -> None:
    pacs = make_modality("PACS")
    rule = rules.save(alice, Rule(name="r", expression='Modality == "CT"'), destinations=[pacs])
    rule.expression, rule.level = 'Modality == "MR"', "series"
    rules.save(alice, rule, destinations=[pacs], reason="moved")
    page = charlie_client.get(f"/rules/{rule.pk}/revisions/2/").content.decode()
    assert '<del class="out">&quot;CT&quot;</del><ins class="in">&quot;MR&quot;</ins>' in page
    assert "whole studies" in page and "moved" in page
    assert "Go back to this revision" not in page
    back = f"/rules/{rule.pk}/revisions/1/revert/"
    assert charlie_client.post(back).status_code == 403
    alice_client.post(back)
    rule.refresh_from_db()
    assert (rule.expression, rule.level, rule.revision) == ('Modality == "CT"', "study", 3)
    assert rule.revisions.first().reason == "Back to revision 1"


def test_a_study_shows_what_decided_and_links_to_the_rule_as_it_was(
    alice: User, charlie_client: Client
) -> None:
    pacs = make_modality("PACS")
    rule = rules.save(alice, Rule(name="r", expression='Modality == "CT"'), destinations=[pacs])
    agent = Agent("main")
    seen = {"field": "Modality", "value": "MR", "absent": False, "note": ""}
    leaf = {"kind": "condition", "result": "no_match", "deciding": True, "seen": [seen]}
    tree = {**leaf, "text": 'Modality == "CT"'}
    explanation = {"result": "no_match", "level": "study", "series": None, "tree": tree}
    decision = {"rule": rule.pk, "name": "r", "revision": 1, "enforcement": "active"}
    gone = {**decision, "rule": 999, "name": "deleted since", "result": "match"}
    decisions = [{**decision, "result": "no_match", "explanation": explanation}, gone]
    evaluated = event("rules.evaluated", {"study": "study-a", "decisions": decisions}, 2)
    agent.sync(events=[study_report(seq=1), evaluated])
    rule.expression = "true"
    rules.save(alice, rule, destinations=[pacs])
    page = charlie_client.get(f"/studies/{Study.objects.get().pk}/").content.decode()
    assert f'href="/rules/{rule.pk}/revisions/1/"' in page
    assert "/rules/999/" not in page and "deleted since" in page
    assert "because <code>Modality == &quot;CT&quot;</code>" in " ".join(page.split())
    assert "Modality = “MR”" in page


@pytest.mark.parametrize("decisions", [None, 5, [5], [{}], [{"rule": "x", "explanation": 7}]])
def test_decisions_of_any_shape_break_no_page(charlie_client: Client, decisions: object) -> None:
    agent = Agent("main")
    evaluated = event("rules.evaluated", {"study": "study-a", "decisions": decisions}, 2)
    agent.sync(events=[study_report(seq=1), evaluated])
    assert charlie_client.get(f"/studies/{Study.objects.get().pk}/").status_code == 200


def test_going_back_to_a_destination_that_is_gone_is_refused(
    alice: User, alice_client: Client
) -> None:
    old, new = make_modality("OLD"), make_modality("NEW")
    rule = rules.save(alice, Rule(name="r", expression="true"), destinations=[old])
    rules.save(alice, rule, destinations=[new])
    old.delete()
    page = alice_client.post(f"/rules/{rule.pk}/revisions/1/revert/", follow=True).content
    assert b"These do not exist any more: OLD. Nothing was changed." in page


def test_a_copy_is_disabled_and_right_below(alice: User, alice_client: Client) -> None:
    pacs = make_modality()
    first = rules.save(alice, Rule(name="a", expression="true"), destinations=[pacs])
    make_rule("b")
    alice_client.post(f"/rules/{first.pk}/duplicate/")
    alice_client.post(f"/rules/{first.pk}/duplicate/")
    names = list(Rule.objects.values_list("name", "enforcement"))
    assert names == [
        ("a", "active"),
        ("Copy of a 2", "disabled"),
        ("Copy of a", "disabled"),
        ("b", "active"),
    ]


@pytest.mark.parametrize(
    "address",
    ["/rules/templates/", "/rules/export/", "/rules/exchange/", "/rules/tags/"],
)
def test_what_changes_rules_is_for_administrators(
    address: str, bob_client: Client, alice_client: Client, client: Client
) -> None:
    assert alice_client.get(address).status_code == 200
    assert bob_client.get(address).status_code == 403
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("name", ["try/", "backtest/", "file/"])
def test_trying_needs_somebody_who_is_signed_in(name: str, client: Client) -> None:
    answer = client.post(f"/rules/{name}", {"expression": "true"})
    assert answer.status_code == 302 and "/login/" in answer.headers["Location"]
