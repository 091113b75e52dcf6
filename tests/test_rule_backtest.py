"""A replay counts what a rule would have forwarded: against the saved version, behind the rules that stop, in steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Node
from routing.models import Backtest, Rule, Study
from routing.services import backtests
from tests.factories import make_modality, make_node, make_rule, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def node(db: None) -> Node:
    return make_node("main")[0]


def study(node: Node, modality: str, days_ago: float = 1, **values: Any) -> Study:
    at = timezone.now() - timedelta(days=days_ago)
    facts = {
        "study": {"ModalitiesInStudy": modality, "StudyDescription": values.pop("words", "x")},
        "series": [{"Modality": modality}],
    }
    return make_study(
        node, reported_at=at, stable_at=at, facts=facts, **{"size_bytes": 10, **values}
    )


def replay(actor: User, rule: Rule, days: int = 30, **chosen: Any) -> Backtest:
    made = backtests.start(actor, rule, days=days, **{"nodes": [], "destinations": [], **chosen})
    return backtests.advance(made, 30)


def test_it_counts_by_day_and_volume_in_its_time(alice: User, node: Node) -> None:
    study(node, "CT", 1)
    study(node, "CT", 2, size_bytes=5)
    study(node, "MR", 2)
    study(node, "CT", 40)
    made = replay(alice, Rule(expression='Modality == "CT"'))
    tally = made.tally
    assert (made.state, made.total, tally["seen"], tally["matched"]) == ("done", 3, 3, 2)
    assert tally["size"] == 15
    assert sorted(tally["days"].values()) == [[1, 1, 0], [2, 1, 0]]


def test_it_tells_what_is_gained_and_lost_against_the_saved_version(
    alice: User, node: Node
) -> None:
    rule = make_rule("r", 'Modality == "CT"')
    ct, mr, _us = study(node, "CT"), study(node, "MR"), study(node, "US")
    rule.expression = 'Modality == "MR"'
    tally = replay(alice, rule).tally
    assert (tally["matched"], tally["before"]) == (1, 1)
    assert (tally["gained"], tally["lost"]) == ([mr.pk], [ct.pk])


def test_a_saved_version_that_is_not_active_has_forwarded_nothing(alice: User, node: Node) -> None:
    rule = make_rule("r", "true", enforcement="dry_run")
    study(node, "CT")
    made = replay(alice, rule)
    assert (made.question["saved"], made.tally["before"]) == (None, 0)


def test_rules_before_it_that_stop_take_their_studies(alice: User, node: Node) -> None:
    make_rule("first", 'Modality == "CT"', stop_on_match=True)
    make_rule("dry", "true", stop_on_match=True, enforcement="dry_run")
    rule = make_rule("mine", "true")
    make_rule("behind", "true", stop_on_match=True)
    study(node, "CT"), study(node, "MR")
    tally = replay(alice, rule).tally
    assert (tally["matched"], tally["stopped"]) == (1, 1)


def test_nodes_limit_it(alice: User, node: Node) -> None:
    other, _secret = make_node("other")
    study(node, "CT"), study(other, "CT")
    tally = replay(alice, Rule(expression="true"), nodes=[other.pk]).tally
    assert tally["matched"] == 1


def test_it_names_the_tags_that_undecided_studies_lack(alice: User, node: Node) -> None:
    study(node, "CT"), study(node, "MR")
    tally = replay(alice, Rule(expression='Modality == "CT" and SliceThickness < 2')).tally
    assert (tally["undecided"], tally["unread"]) == (1, {"SliceThickness": 1})


def test_each_study_is_decided_at_its_own_time(alice: User, node: Node) -> None:
    at = timezone.localtime() - timedelta(days=20)
    made = study(node, "CT", 20)
    made.facts["study"]["StudyDate"] = f"{at:%Y%m%d}"
    made.save()
    tally = replay(alice, Rule(expression='StudyDate >= $today - t"P3D"')).tally
    assert tally["matched"] == 1


def test_steps_count_each_study_once(
    alice: User, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = timezone.now() - timedelta(days=3)
    for number in range(25):
        made = study(node, "CT", number % 5 + 1)
        if number % 2:
            Study.objects.filter(pk=made.pk).update(reported_at=same)
    monkeypatch.setattr(backtests, "EVERY", 3)
    made = backtests.start(alice, Rule(expression="true"), nodes=[], destinations=[], days=30)
    steps = 0
    while made.state == "running":
        backtests.advance(made, 0)
        steps += 1
    assert steps == 9
    assert made.tally["seen"] == made.tally["matched"] == 25
    assert len(set(made.tally["gained"])) == 25


def test_two_windows_do_not_count_twice(alice: User, node: Node) -> None:
    study(node, "CT")
    made = backtests.start(alice, Rule(expression="true"), nodes=[], destinations=[], days=30)
    other = Backtest.objects.get(pk=made.pk)
    backtests.advance(made, 30)
    backtests.advance(other, 30)
    assert other.tally["seen"] == 1


def test_what_is_cancelled_does_not_go_on(alice: User, node: Node) -> None:
    study(node, "CT")
    made = backtests.start(alice, Rule(expression="true"), nodes=[], destinations=[], days=30)
    backtests.cancel(made)
    backtests.advance(made, 30)
    assert (made.state, made.tally) == ("cancelled", {})


@pytest.mark.parametrize(("expression", "days"), [("Modalty", 30), ("true", 0), ("true", 999)])
def test_a_wrong_question_is_refused(alice: User, expression: str, days: int) -> None:
    with pytest.raises(ValidationError):
        replay(alice, Rule(expression=expression), days)


def test_old_replays_are_forgotten(alice: User) -> None:
    old = replay(alice, Rule(expression="true"))
    Backtest.objects.update(created_at=timezone.now() - timedelta(days=3))
    replay(alice, Rule(expression="true"))
    assert not Backtest.objects.filter(pk=old.pk).exists()


def test_thousands_of_studies_are_replayed_to_the_last(alice: User, node: Node) -> None:
    facts = {
        "study": {f"Tag{n}": "some value" for n in range(20)} | {"StudyDescription": "Thorax"},
        "series": [{"Modality": "CT", "SeriesDescription": "Ax"} for _series in range(3)],
    }
    now = timezone.now()
    Study.objects.bulk_create(
        Study(node=node, orthanc_id=str(n), reported_at=now - timedelta(minutes=n), facts=facts)
        for n in range(4000)
    )
    rule = make_rule("r", 'Modality == "CT" and StudyDescription =~~ "(?i)head|neck"')
    rule.expression = 'Modality in ["CT", "MR"] and StudyDescription =~~ "(?i)thorax"'
    made = replay(alice, rule)
    assert made.tally["gained_count"] == 4000


def test_the_api_replays_a_saved_or_a_changed_rule(charlie_api: APIClient, node: Node) -> None:
    pacs = make_modality()
    rule = make_rule("r", 'Modality == "CT"', destinations=[pacs])
    study(node, "CT"), study(node, "MR")
    url = "/api/v1/rules/backtest/"
    said = charlie_api.post(url, {"rule": rule.pk}).json()
    assert (said["state"], said["matched"], said["newly_matched"]) == ("done", 1, 0)
    said = charlie_api.post(url, {"rule": rule.pk, "expression": "true", "days": 7}).json()
    assert (said["matched"], said["matched_by_saved"], said["newly_matched"]) == (2, 1, 1)
    again = charlie_api.post(url, {"id": said["id"]}).json()
    assert again["matched"] == 2
    assert charlie_api.post(url, {"expression": "Modalty"}).status_code == 400
    assert charlie_api.post(url, {}).status_code == 400
    assert charlie_api.post(url, {"expression": "true", "days": 0}).status_code == 400
