"""Lists that are too long to be counted, and searches that find too much to be named."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console import counting
from routing import filters
from routing.models import DeliveryRule, Study
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of four are long already."""
    monkeypatch.setattr(counting, "MOST_COUNTED", 3)
    monkeypatch.setattr(filters, "FEW", 3)


@pytest.fixture
def studies() -> list[Study]:
    node, _secret = make_node("main")
    return [make_study(node, patient_name=f"Doe^Jane{number}") for number in range(5)]


def tabs(client: Client, query: str) -> dict[str, str]:
    """The number on each tab over the deliveries, by its word."""
    page = client.get(f"/deliveries/?{query}").content.decode()
    links = page.split('<ul class="tabs">')[1].split("</ul>")[0].split("<li>")[1:]
    words = [link.split(">", 1)[1].partition("</a>")[0] for link in links]
    return {
        name.strip(): number.removesuffix("</span>")
        for name, _mark, number in (each.partition('<span class="muted">') for each in words)
    }


def test_what_is_more_than_is_counted_is_told_so(
    charlie_client: Client, studies: list[Study]
) -> None:
    pacs = make_modality()
    for study in studies:
        make_delivery(study, pacs, state="delivered")
    make_delivery(studies[0], pacs, state="failed")
    assert tabs(charlie_client, "") == {
        "All": "3+",
        "On the way": "0",
        "Failed": "1",
        "Delivered": "3+",
        "Not sent": "0",
    }
    assert '<span class="count">3+</span>' in charlie_client.get("/studies/").content.decode()


def test_many_deliveries_of_a_search_or_a_rule_have_no_number(
    bob_client: Client, studies: list[Study]
) -> None:
    rule, pacs = make_rule(), make_modality()
    for study in studies:
        delivery = make_delivery(study, pacs, state="failed")
        DeliveryRule.objects.create(delivery=delivery, rule=rule, rule_name="r", revision=1)
    for query in ("search=doe", f"rule={rule.pk}"):
        assert set(tabs(bob_client, query).values()) == {""}
        page = bob_client.get(f"/deliveries/?{query}").content.decode()
        assert "Retry all of these…" in page and "Cancel all of these…" in page
    assert tabs(bob_client, "search=jane3")["Failed"] == "1"


@pytest.mark.parametrize(("words", "count"), [("doe", 5), ("jane3", 1), ("doe jane4", 1), ("x", 0)])
def test_a_search_finds_the_same_whether_few_or_many_match(
    words: str, count: int, charlie_api: APIClient, studies: list[Study]
) -> None:
    pacs = make_modality()
    for study in studies:
        make_delivery(study, pacs)
    for kind in ("studies", "deliveries"):
        found = charlie_api.get(f"/api/v1/{kind}/", {"search": words}).json()["results"]
        assert len(found) == count


def test_a_delivery_that_names_a_rule_twice_is_listed_once(
    charlie_api: APIClient, studies: list[Study]
) -> None:
    rule, delivery = make_rule(), make_delivery(studies[0], make_modality())
    for revision in (1, 2):
        DeliveryRule.objects.create(
            delivery=delivery, rule=rule, rule_name=rule.name, revision=revision
        )
    found = charlie_api.get("/api/v1/deliveries/", {"rule": rule.pk}).json()["results"]
    assert [each["id"] for each in found] == [str(delivery.pk)]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such index")
def test_postgresql_searches_within_texts_by_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%gin_trgm_ops%'")
        names = {name for (name,) in cursor.fetchall()}
    assert names == {"study_search_trigrams", "study_modality_trigrams"}
