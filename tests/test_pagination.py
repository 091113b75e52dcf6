"""Pages of lists, as the HTML pages use them."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from orthanc_console.pagination import Page, page_of
from routing.models import Study
from tests.factories import make_node, make_study

pytestmark = pytest.mark.django_db


def page(query: str, size: int | None = 10) -> Page[Study]:
    return page_of(Study.objects.all(), RequestFactory().get(f"/studies/{query}"), size)


@pytest.fixture
def newest_first(db: None) -> list[int]:
    node, _secret = make_node()
    return [make_study(node).pk for _number in range(25)][::-1]


def test_pages_lead_to_each_other_and_keep_the_filters(newest_first: list[int]) -> None:
    first = page("?node=1")
    assert [each.pk for each in first.results] == newest_first[:10]
    assert first.previous == "" and "node=1" in first.next
    second = page(first.next)
    third = page(second.next)
    assert [each.pk for each in second.results] == newest_first[10:20]
    assert [each.pk for each in third.results] == newest_first[20:]
    assert third.next == ""
    assert page(third.previous).results == second.results


def test_rows_that_arrive_meanwhile_shift_nothing(newest_first: list[int]) -> None:
    first = page("")
    make_study(make_node()[0])
    assert [each.pk for each in page(first.next).results] == newest_first[10:20]


@pytest.mark.parametrize("cursor", ["nonsense", "", "cD0=", "cD0A", "cD1hYmM=", "%FF"])
def test_a_cursor_that_is_not_valid_any_more_leads_to_the_first_page(
    newest_first: list[int], cursor: str
) -> None:
    assert [each.pk for each in page(f"?cursor={cursor}").results] == newest_first[:10]


def test_the_size_can_be_left_to_the_address(newest_first: list[int]) -> None:
    assert len(page("?page_size=3", None).results) == 3
    assert len(page("?page_size=0", None).results) == 25
