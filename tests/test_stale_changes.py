"""What somebody else changed meanwhile is not overwritten, whichever way the change comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from intercept.models import WebhookTarget
from intercept.services import targets
from orthanc_console.accounts.models import User
from purge.models import PurgePolicy
from purge.services import policies
from routing.models import Rule
from routing.services import rules
from tests.factories import make_modality, make_rule
from tests.purge_things import make_policy

pytestmark = pytest.mark.django_db


def save_rule(actor: User, rule: Rule) -> Rule:
    return rules.save(actor, rule, destinations=rule.destinations.all())


def save_policy(actor: User, policy: PurgePolicy) -> PurgePolicy:
    return policies.save(actor, policy, nodes=[], require_delivered_to=[])


def save_target(actor: User, target: WebhookTarget) -> WebhookTarget:
    return targets.save(actor, target)


@pytest.mark.parametrize("save", [save_rule, save_policy, save_target])
def test_a_change_that_began_before_another_was_saved_is_refused(
    save: Callable[[User, Any], Any], alice: User, bob: User
) -> None:
    made: Any = {
        save_rule: lambda: make_rule("first", destinations=[make_modality()]),
        save_policy: lambda: make_policy("first"),
        save_target: lambda: save_target(
            alice, WebhookTarget(name="first", url="https://ris.example.org/hook")
        ),
    }[save]()
    model = type(made)
    of_alice, of_bob = model.objects.get(pk=made.pk), model.objects.get(pk=made.pk)
    of_bob.enforcement = "disabled"
    save(bob, of_bob)
    of_alice.name = "second"
    with pytest.raises(ValidationError, match="Somebody else changed this"):
        save(alice, of_alice)
    kept = model.objects.get(pk=made.pk)
    assert (kept.name, kept.enforcement) == ("first", "disabled")
    again = model.objects.get(pk=made.pk)
    again.name = "second"
    assert save(alice, again).name == "second"
