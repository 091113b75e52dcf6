"""What holds for the HTML of every page: nothing inline, nothing from elsewhere, no patient in an address."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from orthanc_console.accounts.models import User
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study

PATIENT = ("Krankenstein^Viktor", "PID-4711", "ACC-0815")
VOID = {"input", "meta", "link", "br", "hr", "img", "path", "circle", "rect", "line", "wbr"}


class Page(HTMLParser):
    """Collects what the rules below are about."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.addresses: list[str] = []
        self.headings = 0
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "style" or (tag == "script" and "src" not in values):
            self.inline.append(tag)
        self.inline += [name for name in values if name == "style" or name.startswith("on")]
        self.inline += [name for name in values if name.startswith("hx-on")]
        names = ("href", "src", "action", "formaction", "hx-get", "hx-post")
        self.addresses += [values[name] or "" for name in names if name in values]
        self.headings += tag == "h1"
        if "id" in values:
            self.ids.append(values["id"] or "")
        if tag == "label" and values.get("for"):
            self.labels.add(values["for"] or "")
        if tag in ("input", "select", "textarea") and values.get("type") != "hidden":
            self.controls.append({**values, "inside": "label" if "label" in self.open else ""})

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()


@pytest.fixture
def addresses(alice: User) -> list[str]:
    """Every page that can be opened, about things with long and awkward names."""
    node, _secret = make_node("CT <department> & co", online=True)
    node.warnings = [{"code": "x", "message": "Something is <wrong>."}]
    node.save()
    destination = make_modality("PACS_WITH_A_VERY_LONG_NAME")
    rule = make_rule("Everything “quoted” <b>", destinations=[destination])
    name, ident, accession = PATIENT
    study = make_study(node, patient_name=name, patient_id=ident, accession_number=accession)
    delivery = make_delivery(study, destination, state="failed", last_error="<script>alert(1)")
    plain = [
        *("overview", "studies", "deliveries", "destinations", "destination-create", "rules"),
        *("rule-templates", "rule-exchange", "site-tags"),
        *("rule-create", "rule-everything", "nodes", "node-create", "users", "user-create"),
        *("audit", "account", "login"),
    ]
    about = {
        "study": study.pk,
        "delivery": delivery.pk,
        **dict.fromkeys(("destination", "destination-edit", "destination-delete"), destination.pk),
        **dict.fromkeys(("rule", "rule-edit", "rule-delete"), rule.pk),
        **dict.fromkeys(("node", "node-edit", "node-revoke", "node-delete"), node.pk),
        "user-edit": alice.pk,
    }
    return [
        *(reverse(each) for each in plain),
        *(reverse(each, args=(pk,)) for each, pk in about.items()),
        reverse("deliveries-all", args=("cancel",)),
        "/no-such-page/",
    ]


@pytest.fixture
def rendered(addresses: list[str], alice_client: Client, client: Client) -> dict[str, str]:
    asked = {each: client if each == "/login/" else alice_client for each in addresses}
    return {each: browser.get(each).content.decode() for each, browser in asked.items()}


@pytest.fixture
def pages(rendered: dict[str, str]) -> dict[str, Page]:
    return {address: Page(html) for address, html in rendered.items()}


def test_no_page_has_scripts_or_styles_of_its_own(pages: dict[str, Page]) -> None:
    assert {address: page.inline for address, page in pages.items() if page.inline} == {}


def test_no_page_loads_or_links_anything_from_another_host(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        foreign = [each for each in page.addresses if re.match(r"(?i)([a-z]+:)?//", each)]
        assert foreign == [], address


def test_no_address_names_a_patient(pages: dict[str, Page]) -> None:
    for page in pages.values():
        for each in page.addresses:
            assert not any(word.split("^")[0] in each for word in PATIENT)


def test_every_page_has_one_main_heading_and_unique_ids(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert page.headings == 1, address
        assert len(page.ids) == len(set(page.ids)), address


def test_every_control_has_a_label(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        for control in page.controls:
            named = control.get("aria-label") or control["inside"] or control.get("aria-hidden")
            assert named or control.get("id") in page.labels, (address, control)


def test_every_tag_is_closed(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert page.open == [], address


def test_what_people_and_servers_write_is_escaped(rendered: dict[str, str]) -> None:
    for address, html in rendered.items():
        assert "<script>alert" not in html, address
        assert "<department>" not in html, address


def test_the_title_of_a_page_does_not_name_the_patient(rendered: dict[str, str]) -> None:
    for html in rendered.values():
        title = html.split("<title>")[1].split("</title>")[0]
        assert not any(word in title for word in PATIENT)


def test_the_browser_is_told_to_load_nothing_else(alice_client: Client) -> None:
    policy = alice_client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_texts_of_a_field_are_tied_to_it(alice_client: Client) -> None:
    page = alice_client.post(
        reverse("destination-create"), {"kind": "modality", "name": "has spaces"}
    ).content.decode()
    field = re.search(r'<input[^>]*name="name"[^>]*>', page)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    described = re.search(r'aria-describedby="([^"]*)"', field[0])
    assert described is not None
    for each in described[1].split():
        assert f'id="{each}"' in page
