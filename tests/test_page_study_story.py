"""The story of a study: one line for each delivery, who sent it by hand, and rules that were not asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orthanc_console.accounts.models import User
from orthanc_console.nodes.models import Command
from routing.models import RuleRevision, Study
from routing.timeline import folded, timeline
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study
from tests.test_page_studies import decided, report, sent


@pytest.fixture
def study(db: None) -> Study:
    node, _secret = make_node("main", online=True)
    return make_study(node, received_at=timezone.now() - timedelta(minutes=10))


def test_the_states_of_one_delivery_are_one_line(study: Study) -> None:
    one, other = make_delivery(study, make_modality("A")), make_delivery(study, make_modality("B"))
    report(study, 1, "delivery.changed", sent("waiting"), one)
    report(study, 2, "delivery.changed", sent("waiting"), other)
    report(study, 3, "rules.evaluated", {"decisions": []})
    report(study, 4, "delivery.changed", sent("sending"), one)
    report(study, 5, "delivery.changed", sent("delivered"), one)
    rows = folded(timeline(study))
    assert [(row.kind, row.data.get("state")) for row in rows] == [
        ("delivery", "delivered"),
        ("rules", None),
        ("delivery", "waiting"),
        ("received", None),
    ]
    assert [past.data["state"] for past in rows[0].earlier] == ["sending", "waiting"]
    assert rows[2].delivery == other.pk and not rows[2].earlier


def test_the_page_opens_to_the_states_before(charlie_client: Client, study: Study) -> None:
    delivery = make_delivery(study, make_modality("PACS"))
    for number, state in enumerate(("waiting", "sending", "delivered"), start=1):
        report(study, number, "delivery.changed", sent(state), delivery)
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    assert "2 states before" in page


def test_what_was_sent_by_hand_says_by_whom(
    charlie_client: Client, bob: User, study: Study
) -> None:
    destination = make_modality("PACS")
    known = make_delivery(study, destination, cause="manual")
    unknown = make_delivery(study, destination, cause="manual")
    report(study, 1, "delivery.changed", sent("waiting", cause="manual"), known)
    report(study, 2, "delivery.changed", sent("waiting", cause="manual"), unknown)
    Command.objects.create(
        node=study.node,
        kind="send",
        data={"destination": destination.pk, "studies": [study.orthanc_id]},
        created_by=bob,
        finished_at=timezone.now(),
        result={"done": [str(known.pk)]},
    )
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    assert page.count("sent by hand, by bob") == 1
    assert page.count("sent by hand") == 2


@pytest.mark.parametrize("stops", [True, False])
def test_rules_after_one_that_stops_are_said_not_to_be_asked(
    stops: bool, charlie_client: Client, study: Study
) -> None:
    first, second = make_rule("First"), make_rule("Second")
    make_rule("Off", enforcement="disabled")
    make_rule("Elsewhere", nodes=[make_node("other")[0]])
    type(first).objects.update(created_at=timezone.now() - timedelta(days=1))
    RuleRevision.objects.create(rule=first, number=1, content={"stop_on_match": stops})
    row = decided(rule=first.pk, name="First", revision=1, result="match")
    report(study, 1, "rules.evaluated", {"decisions": [row]})
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    assert ("because “First” stops" in page) is stops
    assert (f'href="/rules/{second.pk}/"' in page) is stops
    assert f'href="/rules/{first.pk}/"' in page
    assert "Off" not in page and "Elsewhere" not in page


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"source_aet": "CT1", "facts": {"study": {"RemoteAET": "CT1"}}}, False),
        ({"facts": {"study": {"RemoteAET": ""}}}, True),
        ({"facts": {}}, False),
    ],
)
def test_what_did_not_come_by_dicom_came_by_http(
    values: dict[str, object], told: bool, charlie_client: Client
) -> None:
    study = make_study(make_node()[0], received_at=timezone.now(), **values)
    page = charlie_client.get(f"/studies/{study.pk}/").content.decode()
    assert ("by HTTP (REST or a peer)" in page) is told
