"""What an earlier version has written is right after it was brought to this one, on any database.

Each file in tests/backups is a site as that version had it, see scripts/make-old-backup.py.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from django.conf import global_settings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django.fixtures import Settings

from intercept.models import MoveRequest, WebhookAttempt, WebhookTarget
from orthanc_console.accounts.models import User
from orthanc_console.agent import answer
from orthanc_console.audit.models import AuditEvent
from orthanc_console.nodes.models import Node
from purge.models import PurgedStudy, PurgePolicy, PurgeRun
from routing.models import Attempt, Delivery, Rule, RuleRevision, Study
from testbed.sample_data import PASSWORD

BACKUPS = sorted((Path(__file__).parent / "backups").glob("*.gz"))
FIELD_KEY = "b2xkIGtleSBvZiBhIG1hZGUtdXAgc2l0ZSAwMDAwMDA="
# Of tests/backups/0.1.0.gz.
COUNTS = {
    User: 4,
    Node: 3,
    Rule: 6,
    RuleRevision: 7,
    Study: 200,
    Delivery: 371,
    Attempt: 342,
    MoveRequest: 160,
    WebhookAttempt: 160,
    PurgePolicy: 3,
    PurgeRun: 16,
    PurgedStudy: 440,
}
LISTS = (
    *("overview", "studies", "deliveries", "lanes", "moves", "purges", "destinations", "rules"),
    *("webhook-targets", "policies", "nodes", "users", "audit"),
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", BACKUPS, ids=lambda path: path.stem)
def test_a_site_of_an_earlier_version_is_whole_in_this_one(
    path: Path, settings: Settings, client: Client
) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    settings.FIELD_KEYS = [*settings.FIELD_KEYS, FIELD_KEY]
    call_command("restore", str(path), stdout=io.StringIO(), stderr=io.StringIO())

    executor = MigrationExecutor(connection)
    assert not executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.check_constraints()
    assert {model: model._default_manager.count() for model in COUNTS} == COUNTS
    _check_accounts()
    _check_configuration()
    _check_history()
    _look_at_pages(client)


def _check_accounts() -> None:
    request = RequestFactory().post("/login/")
    user = authenticate(request, username="a.weber", password=PASSWORD)
    assert isinstance(user, User) and user.is_admin


def _check_configuration() -> None:
    configs = [answer.config_for(node, 1) for node in Node.objects.all()]
    assert all(config["rules"] and config["destinations"] for config in configs)
    assert len(configs[0]["rules"]) == Rule.objects.exclude(enforcement="disabled").count()
    assert any(target.secret.startswith("whsec_") for target in WebhookTarget.objects.all())


def _check_history() -> None:
    states = Counter(Delivery.objects.values_list("state", flat=True))
    assert states["delivered"] and states["verified"] and states["failed"] and states["waiting"]
    assert not Study.objects.filter(search_text="").exists()
    study = Study.objects.filter(patient_name__contains="^").first()
    assert study is not None and study.facts["study"]
    newest = AuditEvent.objects.first()
    assert newest is not None and newest.verb == "console.restored"


def _look_at_pages(client: Client) -> None:
    client.force_login(
        User.objects.get(username="a.weber"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    for name in LISTS:
        assert client.get(reverse(name)).status_code == 200, name
    failed = Delivery.objects.filter(state="failed").first()
    assert failed is not None
    assert client.get(reverse("delivery", args=(failed.pk,))).status_code == 200
    assert client.get(reverse("study", args=(failed.study_id,))).status_code == 200
