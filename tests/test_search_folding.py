"""Studies are found however somebody writes the name."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from routing.filters import DeliveryFilter, StudyFilter
from routing.models import Delivery, Study
from routing.searching import folded
from tests.agent import Agent
from tests.factories import make_delivery, make_modality, make_node, make_study, study_report


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Müller^Änne", "muller anne"),
        ("MU\u0308LLER, Anne", "muller anne"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada tarou 山田 太郎 やまた たろう"),
        ("Strauß_7", "strauss 7"),
        ("İpek", "ipek"),
        ("  A \t B ", "a b"),
    ],
)
def test_accents_case_and_separators_make_no_difference(written: str, kept: str) -> None:
    assert folded(written) == kept
    assert folded(kept) == kept


@pytest.mark.parametrize(
    "words", ["muller", "MÜLLER", "Änne müller", "anne^MULLER", "Müller, Änne", "p-7 schadel", "9"]
)
def test_a_study_and_its_deliveries_are_found_by_each_word(words: str, db: None) -> None:
    node, _secret = make_node()
    wanted = make_study(
        node,
        patient_name="Müller^Änne",
        patient_id="P-7",
        study_description="CT Schädel",
        study_instance_uid="1.2.9",
    )
    make_study(node, patient_name="Other^One", patient_id="Q", study_instance_uid="1.2.8")
    delivery = make_delivery(wanted, make_modality())
    assert list(StudyFilter({"search": words}, Study.objects.all()).qs) == [wanted]
    assert list(DeliveryFilter({"search": words}, Delivery.objects.all()).qs) == [delivery]


@pytest.mark.parametrize("words", ["muller bert", "%", "\\"])
def test_one_word_that_does_not_fit_finds_nothing(words: str, db: None) -> None:
    make_study(make_node()[0], patient_name="Müller^Änne")
    assert not StudyFilter({"search": words}, Study.objects.all()).qs.exists()


def test_a_study_is_found_by_its_newest_report(db: None) -> None:
    agent = Agent()
    agent.sync(events=[study_report(seq=1, patient_name="Doe^Jane")])
    agent.sync(events=[study_report(seq=2, patient_name="Núñez^Ana")])
    assert StudyFilter({"search": "nunez"}, Study.objects.all()).qs.count() == 1
    assert not StudyFilter({"search": "jane"}, Study.objects.all()).qs.exists()


def test_studies_from_before_are_filled_in(db: None) -> None:
    study = make_study(make_node()[0], patient_name="Müller^Änne")
    expected = study.search_text
    Study.objects.update(search_text="")
    migration = import_module("routing.migrations.0004_study_search_text")
    migration.fill(apps, connection.schema_editor())
    study.refresh_from_db()
    assert study.search_text == expected != ""
