"""The overview says what purging does next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from purge.models import PurgeSettings
from tests.factories import make_node
from tests.purge_things import make_policy, make_run

pytestmark = pytest.mark.django_db

NIGHTLY = {"schedule": "0 2 * * *", "time_zone": "UTC"}


def upcoming(client: Client) -> str:
    page = client.get("/").content.decode()
    return page.split('id="upcoming"')[1].split("</ul>")[0] if 'id="upcoming"' in page else ""


def test_it_names_the_next_run_of_each_policy_with_a_schedule(charlie_client: Client) -> None:
    active = make_policy("Old CT", **NIGHTLY)
    make_policy("Old MR", enforcement="dry_run", **NIGHTLY)
    make_policy("Never", enforcement="disabled", **NIGHTLY)
    make_policy("By hand")
    shown = upcoming(charlie_client)
    assert "Old CT looks for studies to delete" in shown
    assert f'href="/purge/policies/{active.pk}/"' in shown
    assert "Old MR shows what it would delete" in shown
    assert "Never" not in shown and "By hand" not in shown


def test_a_planned_run_comes_first_while_it_can_be_cancelled(charlie_client: Client) -> None:
    node, _secret = make_node("gateway")
    held = {
        "state": "held",
        "planned_count": 1234,
        "hold_until": timezone.now() + timedelta(minutes=5),
    }
    run = make_run(node, make_policy("Old CT", schedule="0 0 1 1 *"), **held)
    make_run(node, make_policy("Old MR"), needs_approval=True, **held)
    make_run(node, make_policy("Done"), state="done")
    shown = upcoming(charlie_client)
    first, second, last = shown.split("</li>")[:3]
    assert "Old CT deletes 1,234 studies on gateway, unless it is cancelled" in first + second
    assert f'/{run.pk}/"' in first + second
    assert "Old MR may delete 1,234 studies on gateway, once somebody else approves" in shown
    assert "Old CT looks for studies" in last
    assert "Done" not in shown


def test_a_run_whose_time_has_passed_is_not_announced_as_if_it_were_to_come(
    charlie_client: Client,
) -> None:
    node, _secret = make_node("gateway")
    past = timezone.now() - timedelta(seconds=18)
    held = {"state": "held", "planned_count": 21, "hold_until": past}
    make_run(node, make_policy("Old CT"), **held)
    make_run(node, make_policy("Old MR"), needs_approval=True, **held)
    make_run(node, make_policy("Old US"), cancelling="Cancelled by bob.", **held)
    shown = upcoming(charlie_client)
    assert "Old CT should have begun to delete 21 studies; gateway has not reported" in shown
    assert "unless it is cancelled" not in shown
    assert "Old MR may delete 21 studies on gateway, once somebody else approves" in shown
    assert "Old US" not in shown


def test_what_waits_since_a_restore_is_not_announced(charlie_client: Client) -> None:
    PurgeSettings.objects.create(pk=1, waits_since=timezone.now())
    make_policy("Old CT", **NIGHTLY)
    make_policy("Old MR", enforcement="dry_run", **NIGHTLY)
    shown = upcoming(charlie_client)
    assert "Old MR shows what it would delete" in shown
    assert "Old CT" not in shown


def test_without_policies_there_is_nothing_to_say(charlie_client: Client) -> None:
    assert upcoming(charlie_client) == ""
