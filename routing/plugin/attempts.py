"""One attempt of a delivery: what is sent, and what its end means for the delivery. Knows nothing of lanes or threads."""

from __future__ import annotations

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from routing.plugin import retry
from routing.plugin.store import Delivery, DeliveryStore, pack, unpack
from routing.plugin.transports import Outcome


class StudyGone(Exception):
    """None of the delivery's instances is in Orthanc any more."""


def resources_of(
    orthanc: OrthancClient, store: DeliveryStore, delivery: Delivery
) -> tuple[list[str], Delivery]:
    """What to name in the job: the study if all of it goes, else whole series where possible, else instances.

    Instances that were deleted since the decision are taken out of the delivery.

    Raises:
        StudyGone: nothing is left.
        OrthancDown: Orthanc does not answer.
    """
    try:
        series = orthanc.get(f"/studies/{delivery.study}/series?expand")
    except NotFound as error:
        raise StudyGone from error
    mine = set(unpack(delivery.instances))
    stored = {instance for child in series for instance in child["Instances"]}
    if not mine & stored:
        raise StudyGone
    if mine - stored:
        mine &= stored
        delivery = store.change(delivery, instances=pack(mine), instance_count=len(mine))
    if mine == stored:
        return [delivery.study], delivery
    resources: list[str] = []
    for child in series:
        wanted = mine.intersection(child["Instances"])
        whole = len(wanted) == len(child["Instances"])
        resources += [child["ID"]] if whole else sorted(wanted)
    return resources, delivery


def begin(store: DeliveryStore, delivery: Delivery) -> Delivery:
    """Write down that an attempt begins, before Orthanc is asked for the job."""
    return store.change(
        delivery,
        "running",
        state="sending",
        reason="",
        attempts=delivery.attempts + 1,
        started_at=clock.now(),
        next_attempt_at=None,
        job_id="",
    )


def end(store: DeliveryStore, delivery: Delivery, outcome: Outcome) -> Delivery:
    """Write down how the attempt ended and what follows: delivered, another attempt, or failed for good."""
    if outcome.state == "lost":
        return _again(store, delivery, outcome, pause=0)
    if outcome.state == "succeeded":
        # More than were planned: images that arrived between the decision and the job went along.
        if outcome.failed == 0 and outcome.count >= delivery.instance_count:
            return _delivered(store, delivery)
        outcome = Outcome(
            "failed",
            error=f"Orthanc's job ended without an error, but it sent {outcome.count - outcome.failed} of "
            f"{delivery.instance_count} instances.",
        )
    failure = retry.Failure(outcome.code, outcome.error)
    first = delivery.first_failed_at or clock.now()
    if failure.permanent or clock.now() - first > retry.GIVE_UP_AFTER:
        return _given_up(store, delivery, failure, "permanent" if failure.permanent else "gave_up")
    return _again(store, delivery, outcome, pause=retry.pause_after(delivery.attempts))


def _delivered(store: DeliveryStore, delivery: Delivery) -> Delivery:
    return store.change(
        delivery,
        "succeeded",
        state="delivered",
        delivered_count=delivery.instance_count,
        delivered_at=clock.now(),
        last_error="",
        unreachable=False,
        first_failed_at=None,
    )


def _again(store: DeliveryStore, delivery: Delivery, outcome: Outcome, pause: float) -> Delivery:
    failure = retry.Failure(outcome.code, outcome.error)
    return store.change(
        delivery,
        outcome.state,
        failure,
        state="waiting",
        next_attempt_at=clock.now() + pause,
        last_error=outcome.error,
        unreachable=failure.unreachable,
        first_failed_at=delivery.first_failed_at or clock.now(),
    )


def _given_up(
    store: DeliveryStore, delivery: Delivery, failure: retry.Failure, reason: str
) -> Delivery:
    return store.change(
        delivery,
        "failed",
        failure,
        state="failed",
        reason=reason,
        next_attempt_at=None,
        last_error=failure.text,
    )
