"""What the pages do with rules beyond the API."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import ConfigRevision
from routing.models import Rule
from routing.services import rules
from tests.factories import make_modality, make_rule

pytestmark = pytest.mark.django_db


def test_one_click_forwards_everything_to_every_enabled_destination(alice: User) -> None:
    usable = {make_modality(), make_modality()}
    make_modality(enabled=False)
    rule = rules.forward_everything(alice)
    assert set(rule.destinations.all()) == usable
    assert (rule.expression, rule.enforcement) == ("true", "active")
    assert rule.revisions.count() == 1
    assert rules.forward_everything(alice).name != rule.name


def test_one_click_needs_a_destination(alice: User) -> None:
    with pytest.raises(ValidationError, match="No destination"):
        rules.forward_everything(alice)


def test_enforcement_is_changed_with_a_revision(alice: User) -> None:
    rule = make_rule(destinations=[make_modality()])
    assert rules.set_enforcement(alice, rule, "dry_run").revision == 2
    assert Rule.objects.get().enforcement == "dry_run"
    with pytest.raises(ValidationError):
        rules.set_enforcement(alice, rule, "sometimes")


def test_a_refused_change_leaves_nothing_behind(alice: User) -> None:
    revision = ConfigRevision.current()
    with pytest.raises(ValidationError):
        rules.save(alice, Rule(name="r", expression="nonsense("), destinations=[make_modality()])
    assert not Rule.objects.exists()
    assert ConfigRevision.current() == revision


def test_the_text_is_stored_in_its_one_form(alice: User) -> None:
    text = '  "CT"   in ModalitiesInStudy\n'
    rule = rules.save(alice, Rule(name="r", expression=text), destinations=[make_modality()])
    assert rule.expression == rules.check(text).text
    assert rule.expression == rules.check(rule.expression).text
