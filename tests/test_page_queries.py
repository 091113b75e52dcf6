"""Lists need as many queries for fifty rows as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from routing.models import DeliveryRule
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study


def _fill(count: int, actor: User) -> None:
    for _number in range(count):
        node, _secret = make_node(online=True)
        destination = make_modality(nodes=[node])
        rule = make_rule(destinations=[destination], nodes=[node])
        study = make_study(node)
        for state in ("failed", "waiting"):
            delivery = make_delivery(study, destination, state=state, last_error="no answer")
            DeliveryRule.objects.create(
                delivery=delivery, rule=rule, rule_name=rule.name, revision=1
            )
        log.record(actor, "rule.created", rule)


@pytest.mark.parametrize(
    "name",
    [
        "overview",
        "studies",
        "deliveries",
        "destinations",
        "rules",
        "nodes",
        "users",
        "audit",
        "lanes",
    ],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(
    name: str,
    alice: User,
    alice_client: Client,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    _fill(2, alice)
    with CaptureQueriesContext(connection) as few:
        alice_client.get(reverse(name))
    _fill(10, alice)
    with django_assert_max_num_queries(len(few)):
        assert alice_client.get(reverse(name)).status_code == 200
    assert len(few) <= 24
