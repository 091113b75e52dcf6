"""Private tags get names, which rules read and nodes look for."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from routing import samples
from routing.language import parse
from routing.models import Rule, SiteTag
from routing.plugin import private_tags
from routing.services import rules
from routing.services import site_tags as services
from tests.agent import Agent
from tests.factories import make_modality

pytestmark = pytest.mark.django_db

TAG: dict[str, Any] = {
    "name": "SiteProtocolGroup",
    "group": "0019",
    "creator": "ACME 1.0",
    "element": "9C",
    "type": "number",
}


@pytest.fixture
def tag(alice: User) -> SiteTag:
    return services.create(alice, SiteTag(**TAG))


def test_a_name_can_be_used_in_rules_at_once(alice: User) -> None:
    wrong = parse("SiteProtocolGroup > 3")
    assert [error.code for error in wrong.errors] == ["unknown_symbol"]
    services.create(alice, SiteTag(**TAG))
    parsed = parse("SiteProtocolGroup > 3")
    assert parsed.errors == [] and parsed.tree is not None
    assert parsed.tree["left"] == {
        "field": "SiteProtocolGroup",
        "type": "number",
        "scope": "series",
    }
    assert AuditEvent.objects.get(verb="sitetag.created").object_name == "SiteProtocolGroup"


@pytest.mark.usefixtures("tag")
def test_it_is_typed_suggested_and_completed() -> None:
    assert parse('SiteProtocolGroup == "3"').errors[0].suggestion == "3"
    assert parse("siteprotocolgroup == 3").errors[0].suggestion == "SiteProtocolGroup"
    first = samples.complete("SitePro")[0]
    assert (first["name"], first["tag"]) == ("SiteProtocolGroup", "(0019,xx9C) ACME 1.0")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Modality"},
        {"name": "RemoteAET"},
        {"name": "PixelData"},
        {"name": "lower"},
        {"name": "With Space"},
        {"group": "0018"},
        {"group": "xyz1"},
        {"element": "9"},
        {"creator": ""},
        {"creator": "a\\b"},
        {"type": "binary"},
    ],
)
def test_what_is_no_private_tag_is_refused(alice: User, change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        services.create(alice, SiteTag(**{**TAG, **change}))


@pytest.mark.usefixtures("tag")
def test_the_same_address_has_one_name(alice: User) -> None:
    with pytest.raises(ValidationError):
        services.create(alice, SiteTag(**{**TAG, "name": "Other"}))


def test_a_name_that_a_rule_reads_stays(alice: User, tag: SiteTag) -> None:
    pacs = make_modality()
    rule = Rule(name="r", expression="SiteProtocolGroup > 3")
    rules.save(alice, rule, destinations=[pacs])
    with pytest.raises(ValidationError, match="“r”"):
        services.delete(alice, tag)
    rules.delete(alice, rule)
    services.delete(alice, tag)
    assert not SiteTag.objects.exists()


def test_nodes_are_told_the_address(alice: User, tag: SiteTag) -> None:
    rules.save(
        alice, Rule(name="r", expression="SiteProtocolGroup > 3"), destinations=[make_modality()]
    )
    told = Agent().sync()["config"]
    assert told["tags"] == ["SiteProtocolGroup"]
    assert told["private_tags"] == [
        {"name": "SiteProtocolGroup", "group": "0019", "creator": "ACME 1.0", "element": "9c"}
    ]


def test_the_plugin_finds_it_in_whichever_block_its_creator_has() -> None:
    private_tags.configure([{"name": "A", "group": "0019", "creator": "ACME 1.0", "element": "9c"}])
    wanted = private_tags.named({"A", "Modality"})
    text = {"Type": "String", "Name": "Unknown"}
    tags = {
        "0019,0010": {**text, "Value": "OTHER"},
        "0019,0011": {**text, "Value": "ACME 1.0 "},
        "0019,109c": {**text, "Value": "no"},
        "0019,119c": {**text, "Value": "yes"},
    }
    assert private_tags.values(tags, wanted) == {"A": "yes"}
    tags["0019,119c"] = {"Type": "Binary", "Name": "x", "Value": None}  # type: ignore[dict-item]
    assert private_tags.values(tags, wanted) == {}
    private_tags.configure([])


def test_pages_and_api_add_and_delete_them(
    alice_client: Client, alice_api: APIClient, bob_api: APIClient
) -> None:
    page = alice_client.post("/rules/tags/", TAG, follow=True).content.decode()
    assert "(0019,xx9C) ACME 1.0" in page
    page = alice_client.post("/rules/tags/", {**TAG, "name": "B", "group": "0018"}).content.decode()
    assert "the group of a private tag is odd" in page
    assert bob_api.post("/api/v1/site-tags/", TAG).status_code == 403
    assert alice_api.post("/api/v1/site-tags/", TAG).status_code == 400
    made = alice_api.post("/api/v1/site-tags/", {**TAG, "name": "B", "element": "01"})
    assert made.status_code == 201, made.content
    listed = bob_api.get("/api/v1/site-tags/").json()["results"]
    assert [each["name"] for each in listed] == ["B", "SiteProtocolGroup"]
    assert alice_api.delete(f"/api/v1/site-tags/{made.json()['id']}/").status_code == 204
    alice_client.post(f"/rules/tags/{SiteTag.objects.get().pk}/delete/")
    assert not SiteTag.objects.exists()
