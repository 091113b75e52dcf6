"""Pages say in plain words why a delivery waits, and for whom it is."""

from __future__ import annotations

import pytest
from django.test import Client

from orthanc_console.nodes.models import Node
from routing.models import Delivery, Lane
from tests.factories import make_delivery, make_modality, make_node, make_study

REFUSED = "DicomAssociation - connecting to AET PACS: Connection refused"
HTTP = "DicomAssociation - connecting to AET PACS: Unrecognized PDU type: 48"


@pytest.fixture
def node(db: None) -> Node:
    return make_node("main", online=True)[0]


@pytest.fixture
def waiting(node: Node) -> Delivery:
    study = make_study(
        node, patient_name="Doe^Jane", patient_id="P-77", accession_number="A-9", modalities=["CT"]
    )
    return make_delivery(study, make_modality("PACS"), state="waiting")


def lane(delivery: Delivery, **values: str) -> None:
    assert delivery.destination is not None
    Lane.objects.create(
        node=delivery.node, destination=delivery.destination, **{"breaker": "open", **values}
    )


@pytest.mark.parametrize("address", ["/deliveries/{0.pk}/", "/studies/{0.study_id}/"])
def test_a_delivery_to_a_dead_destination_says_why_it_waits_and_when_it_goes(
    address: str, charlie_client: Client, waiting: Delivery
) -> None:
    lane(waiting, last_error=REFUSED)
    page = charlie_client.get(address.format(waiting)).content.decode()
    assert "Nothing listens at 192.0.2.7:104." in page
    assert "probed every 10 s; this goes as soon as it answers" in page
    assert page.index("Nothing listens") < page.index(REFUSED)


@pytest.mark.parametrize("address", ["/", "/deliveries/", "/lanes/", "/destinations/"])
def test_lists_say_it_in_plain_words_before_the_raw_ones(
    address: str, charlie_client: Client, waiting: Delivery
) -> None:
    lane(waiting, last_error=HTTP, state="failing")
    page = charlie_client.get(address).content.decode()
    assert "An HTTP server answers at 192.0.2.7:104, not a DICOM one." in page
    assert "t does not answer" not in page
    assert page.index("An HTTP server answers") < page.index("Unrecognized PDU")


def test_a_lane_that_works_blames_nobody(charlie_client: Client, waiting: Delivery) -> None:
    lane(waiting, breaker="closed", last_error="")
    page = charlie_client.get(f"/deliveries/{waiting.pk}/").content.decode()
    assert "probed" not in page


def test_trying_now_tells_what_stands_in_the_way(bob_client: Client, waiting: Delivery) -> None:
    waiting.last_error = "x"
    waiting.save()
    lane(waiting, last_error=REFUSED)
    page = bob_client.post(
        "/deliveries/chosen/", {"act": "retry", "chosen": [str(waiting.pk)]}, follow=True
    ).content.decode()
    assert "PACS: Nothing listens at 192.0.2.7:104." in page


@pytest.mark.parametrize("address", ["/", "/deliveries/", "/deliveries/{0.pk}/"])
def test_pages_tell_whose_study_is_delivered(
    address: str, charlie_client: Client, waiting: Delivery
) -> None:
    page = charlie_client.get(address.format(waiting)).content.decode()
    for words in ("Doe^Jane", "P-77", "A-9"):
        assert words in page


@pytest.mark.parametrize(
    ("query", "retry", "cancel"),
    [("", True, True), ("?state=delivered", False, False), ("?state=failed", True, False)],
)
def test_acts_on_all_are_offered_where_there_is_something_to_do(
    query: str, retry: bool, cancel: bool, bob_client: Client, waiting: Delivery
) -> None:
    for state in ("delivered", "failed"):
        make_delivery(waiting.study, make_modality(), state=state)
    page = bob_client.get(f"/deliveries/{query}").content.decode()
    assert ("Retry all of these" in page) is retry
    assert ("Cancel all of these" in page) is cancel


def test_a_study_without_description_is_called_by_a_short_uid(
    charlie_client: Client, node: Node
) -> None:
    uid = "1.2.276.0.7230010.3.1.2.296485376.1.1521713414.1800996"
    study = make_study(node, study_instance_uid=uid, modalities=[])
    delivery = make_delivery(study, make_modality("PACS"))
    page = charlie_client.get(f"/deliveries/{delivery.pk}/").content.decode()
    heading = page.split("<h1>")[1].split("</h1>")[0]
    assert heading == "1.2.276.0.723…713414.1800996 → PACS"
