"""Which names and values of the site's studies the editor completes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing import samples
from tests.factories import make_node, make_study

pytestmark = pytest.mark.django_db


def names(query: str) -> list[str]:
    return [each["name"] for each in samples.complete(query)]


def test_what_studies_carry_comes_first() -> None:
    assert names("Station")[0] != "StationName"
    node, _secret = make_node()
    make_study(node, facts={"study": {}, "series": [{"StationName": "CT1"}]})
    samples.cache.clear()
    first = samples.complete("Station")[0]
    assert (first["name"], first["seen"], first["samples"]) == ("StationName", True, ["CT1"])


def test_the_most_frequent_values_come_first_and_lists_are_taken_apart() -> None:
    facts = [
        {"study": {"ModalitiesInStudy": "CT\\SR", "RemoteAET": "A"}, "series": []},
        {"study": {"ModalitiesInStudy": "CT", "RemoteAET": "A"}, "series": [{"Modality": "CT"}]},
        {"study": {"RemoteAET": " B "}, "series": [{"Modality": ""}]},
    ]
    found = samples.count_values(facts)
    assert found["ModalitiesInStudy"] == ["CT", "SR"]
    assert found["RemoteAET"] == ["A", "B"]
    assert found["Modality"] == ["CT"]


@pytest.mark.parametrize(
    "name", ["PatientName", "PatientID", "StudyInstanceUID", "PatientBirthDate", "AccessionNumber"]
)
def test_values_that_name_a_patient_are_never_suggested(name: str) -> None:
    assert samples.count_values([{"study": {name: "19700101"}, "series": []}]) == {name: []}


def test_a_number_of_unknown_names_needs_no_number_of_queries(
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    facts = [{"study": {"NoKeyword": "x"}, "series": [{"NoKeyword": "y"}] * 5}] * 50
    with django_assert_max_num_queries(1):
        assert samples.count_values(facts) == {"NoKeyword": []}


@pytest.mark.parametrize("query", ["", "(0018,0050)", "slice", "\0", "é", "zzzz"])
def test_any_query_is_answered(query: str) -> None:
    assert len(samples.complete(query)) <= 20
