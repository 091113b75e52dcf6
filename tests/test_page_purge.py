from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Command
from purge.models import PurgePolicy, PurgeSettings, SchedulerBeat
from purge.urls import urlpatterns
from tests.factories import make_modality, make_node, make_study
from tests.purge_things import make_line, make_policy, make_run

pytestmark = pytest.mark.django_db

VIEWER_READS = {"policies", "policy", "purges", "purge", "purged-studies"}
OPERATOR_POSTS = {"policy-preview", "purge-cancel", "purge-keep"}
ADMIN = {"policy-create", "policy-edit", "policy-delete", "policy-run", "purge-settings"}
ADMIN_POSTS = {"purge-go-on", "policy-enforcement", "purge-approve"}

FORM = {
    "name": "Ultrasound",
    "enforcement": "active",
    "expression": 'Modality == "US"',
    "older_than_days": 30,
    "age_basis": "study_date",
    "undated": "keep",
    "min_days_since_received": 1,
    "keep_labels": "keep\nteaching",
    "schedule": "0 2 * * *",
    "time_zone": "Europe/Berlin",
    "missed": "late",
    "max_studies_per_run": 100,
    "gigabytes_per_run": "10",
    "studies_per_minute": 60,
    "hold_minutes": 30,
}


@pytest.fixture
def urls() -> dict[str, str]:
    node, _secret = make_node()
    policy = make_policy("Old studies", schedule="0 2 * * *", nodes=[node])
    run = make_run(node, policy, state="held", needs_approval=True, planned_count=3)
    make_line(run, "planned", patient_name="Krankenstein^Viktor", accession_number="ACC-0815")
    keys = {"policy": policy.pk, "purge": run.pk}
    made = {}
    for pattern in urlpatterns:
        name = str(pattern.name)
        arguments = [keys[name.split("-")[0]]] if pattern.pattern.converters else []
        made[name] = reverse(name, args=arguments)
    return made


def test_every_page_of_purging_has_a_role(urls: dict[str, str]) -> None:
    assert urls.keys() == VIEWER_READS | OPERATOR_POSTS | ADMIN | ADMIN_POSTS


@pytest.mark.parametrize("name", sorted(VIEWER_READS))
def test_a_viewer_reads(name: str, urls: dict[str, str], charlie_client: Client) -> None:
    page = charlie_client.get(urls[name])
    assert page.status_code == 200
    for forbidden in OPERATOR_POSTS | ADMIN | ADMIN_POSTS:
        assert f'"{urls[forbidden]}"' not in page.content.decode()


@pytest.mark.parametrize("name", sorted(OPERATOR_POSTS | ADMIN | ADMIN_POSTS))
def test_a_viewer_changes_nothing(name: str, urls: dict[str, str], charlie_client: Client) -> None:
    assert charlie_client.post(urls[name]).status_code == 403


@pytest.mark.parametrize("name", sorted(ADMIN | ADMIN_POSTS))
def test_an_operator_does_not_configure(
    name: str, urls: dict[str, str], bob_client: Client
) -> None:
    assert bob_client.post(urls[name]).status_code == 403


@pytest.mark.parametrize("name", sorted(OPERATOR_POSTS | ADMIN_POSTS))
def test_what_acts_needs_a_post(name: str, urls: dict[str, str], alice_client: Client) -> None:
    assert alice_client.get(urls[name]).status_code == 405


@pytest.mark.parametrize("name", sorted(VIEWER_READS | ADMIN))
def test_an_administrator_reads_everything(
    name: str, urls: dict[str, str], alice_client: Client
) -> None:
    assert alice_client.get(urls[name]).status_code == 200


def test_a_policy_is_written_in_the_form(alice_client: Client) -> None:
    pacs = make_modality("PACS_B")
    page = alice_client.post(
        reverse("policy-create"), {**FORM, "require_delivered_to": [pacs.pk]}, follow=True
    )
    policy = PurgePolicy.objects.get(name="Ultrasound")
    assert policy.keep_labels == ["keep", "teaching"]
    assert policy.max_bytes_per_run == 10 * 1024**3
    assert list(policy.require_delivered_to.all()) == [pacs]
    text = page.content.decode()
    assert "more than 30 days ago" in text
    assert "verified at PACS_B" in text
    assert "02:00 CE" in text


def test_the_form_shows_the_words_without_saving(alice_client: Client) -> None:
    page = alice_client.post(reverse("policy-create"), {**FORM, "check": "1"})
    assert "Deletes studies whose study date is more than 30 days ago" in page.content.decode()
    assert not PurgePolicy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("expression", "Modality ==", "id_expression"),
        ("schedule", "0 0 31 2 *", "is no schedule"),
        ("schedule", "every night", "is no schedule"),
        ("time_zone", "Mars/Olympus", "There is no time zone"),
        ("watermark_start", "90", "Give both"),
        ("max_studies_per_run", "0", "id_max_studies_per_run"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    field: str, value: str, message: str, alice_client: Client
) -> None:
    page = alice_client.post(reverse("policy-create"), {**FORM, field: value})
    text = page.content.decode()
    assert "Nothing was saved" in text and message in text and "teaching" in text
    assert not PurgePolicy.objects.exists()


def test_saving_over_somebody_elses_change_is_refused(alice_client: Client) -> None:
    policy = make_policy("Ultrasound", revision=2)
    page = alice_client.post(
        reverse("policy-edit", args=(policy.pk,)), {**FORM, "seen_revision": 1}
    )
    assert "Somebody saved revision 2" in page.content.decode()


def test_running_now_needs_the_name(alice_client: Client) -> None:
    node, _secret = make_node(online=True)
    policy = make_policy("Old studies", nodes=[node])
    url = reverse("policy-run", args=(policy.pk,))
    refused = alice_client.post(url, {"name": "old studies"})
    assert "exactly as it stands" in refused.content.decode()
    assert not Command.objects.exists()
    alice_client.post(url, {"name": "Old studies"})
    assert Command.objects.get().kind == "purge_run"


def test_a_run_shows_what_it_would_delete_and_why_it_keeps_the_rest(
    charlie_client: Client,
) -> None:
    node, _secret = make_node()
    run = make_run(node, make_policy(), state="running", planned_count=10, deleted_count=4)
    make_line(run, "kept", reason="protected", patient_name="Doe^Jane")
    page = charlie_client.get(reverse("purge", args=(run.pk,))).content.decode()
    assert "4 of 10 studies" in page and "<progress" in page
    assert "its patient is protected" in page and "Doe^Jane" in page


def test_a_study_is_found_by_its_accession_number(charlie_client: Client) -> None:
    node, _secret = make_node()
    run = make_run(node, make_policy("Nightly"))
    proof = {"destination": 1, "name": "PACS_B", "at": "2026-11-24T22:00:00Z"}
    make_line(run, accession_number="123", patient_name="Doe^Jane", verified=[proof])
    make_line(run, accession_number="456", patient_name="Roe^Jim")
    page = charlie_client.post(
        reverse("search"), {"list": "purged-studies", "search": "123"}, follow=True
    )
    text = page.content.decode()
    assert "123" not in page.redirect_chain[0][0]
    assert "Doe^Jane" in text and "Roe^Jim" not in text
    assert "verified at PACS_B" in text and "Nightly" in text


def test_the_page_of_a_study_tells_what_purges_did_with_it(charlie_client: Client) -> None:
    node, _secret = make_node()
    study = make_study(node)
    proof = {"destination": 1, "name": "PACS_B", "at": "2026-11-24T22:00:00Z"}
    make_line(make_run(node, make_policy("Nightly")), study=study, verified=[proof])
    make_line(make_run(node), "kept", study=study, reason="protected")
    text = charlie_client.get(reverse("study", args=(study.pk,))).content.decode()
    assert "by Nightly" in text and "verified at PACS_B" in text
    assert "its patient is protected" in text


def test_studies_are_taken_out_of_a_held_run(bob_client: Client) -> None:
    node, _secret = make_node()
    run = make_run(node, make_policy(), state="held")
    line = make_line(run, "planned")
    bob_client.post(reverse("purge-keep", args=(run.pk,)), {"chosen": [line.orthanc_id]})
    command = Command.objects.get()
    assert (command.kind, command.data["studies"]) == ("purge_keep", [line.orthanc_id])


def test_the_first_person_cannot_approve(alice: User, alice_client: Client) -> None:
    node, _secret = make_node()
    run = make_run(node, make_policy(), state="held", needs_approval=True, requested_by=alice)
    page = alice_client.post(reverse("purge-approve", args=(run.pk,)), follow=True)
    assert "Another administrator approves it" in page.content.decode()
    assert not Command.objects.exists()


def test_the_route_can_be_switched_off(alice_client: Client) -> None:
    alice_client.post(reverse("purge-settings"), {"keep_labels": "teaching"})
    settings = PurgeSettings.load()
    assert (settings.endpoint_enabled, settings.keep_labels) == (False, ["teaching"])


def test_the_overview_warns_of_a_silent_scheduler(charlie_client: Client) -> None:
    make_policy(schedule="0 2 * * *")
    assert "The scheduler was never seen" in charlie_client.get("/").content.decode()
    SchedulerBeat.objects.create(pk=1, seen_at=timezone.now())
    assert "scheduler" not in charlie_client.get("/").content.decode()
    SchedulerBeat.objects.update(seen_at=timezone.now() - timedelta(minutes=4))
    assert "last seen 4 minutes ago" in charlie_client.get("/").content.decode()
    SchedulerBeat.objects.update(seen_at=timezone.now(), error="policy 1: it broke")
    assert "The scheduler fails: policy 1: it broke" in charlie_client.get("/").content.decode()


@pytest.mark.parametrize("name", ["policies", "purges", "purged-studies"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    name: str, alice_client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def fill(count: int) -> None:
        for _number in range(count):
            node, _secret = make_node()
            pacs = make_modality(nodes=[node])
            policy = make_policy(nodes=[node], require_delivered_to=[pacs], schedule="0 2 * * *")
            make_line(make_run(node, policy))

    fill(2)
    with CaptureQueriesContext(connection) as few:
        alice_client.get(reverse(name))
    fill(8)
    with django_assert_max_num_queries(len(few)):
        assert alice_client.get(reverse(name)).status_code == 200
