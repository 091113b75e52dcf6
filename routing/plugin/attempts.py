"""One attempt of a delivery: what is sent, and what its end means. Knows nothing of lanes or threads."""

from __future__ import annotations

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient
from routing.plugin import retry
from routing.plugin.deliveries import Delivery, Flight, Job, pack, unpack
from routing.plugin.matcher import Destination
from routing.plugin.store import DeliveryStore
from routing.plugin.transports import Outcome

# Seconds after the last job before the destination is asked what it has; many answer from a database that lags a little.
CHECK_AFTER = 2.0

TOGETHER = "(Several studies went in this job; each is now sent in one of its own.)"


class StudyGone(Exception):
    """None of the delivery's instances is in Orthanc any more."""


def next_part(
    orthanc: OrthancClient, store: DeliveryStore, delivery: Delivery, size: int
) -> tuple[Delivery, set[str], list[str]]:
    """What the next job sends: at most `size` instances, series by series.

    Instances that were deleted since the decision are taken out of the delivery.

    Returns:
        the delivery, the instances, and what names them in the job: the study, whole series, or instances.

    Raises:
        StudyGone: nothing is left to send.
        OrthancDown: Orthanc does not answer.
    """
    try:
        series = orthanc.get(f"/studies/{delivery.study}/series?expand")
    except NotFound as error:
        raise StudyGone from error
    stored = {instance for child in series for instance in child["Instances"]}
    mine = store.unassigned(delivery)
    if mine - stored:
        delivery = _without(store, delivery, mine - stored)
        mine &= stored
    if not mine:
        raise StudyGone
    if delivery.split:
        mine = _of_one_syntax(orthanc, sorted(mine)[:size])
    part: set[str] = set()
    resources: list[str] = []
    for child in series:
        wanted = sorted(mine.intersection(child["Instances"]))[: size - len(part)]
        part.update(wanted)
        resources += [child["ID"]] if len(wanted) == len(child["Instances"]) else wanted
    return delivery, part, [delivery.study] if part == stored else resources


def _of_one_syntax(orthanc: OrthancClient, instances: list[str]) -> set[str]:
    """Those that have the transfer syntax of the first."""
    syntaxes = {
        instance: orthanc.get(f"/instances/{instance}/metadata?expand").get("TransferSyntax")
        for instance in instances
    }
    return {i for i, syntax in syntaxes.items() if syntax == syntaxes[instances[0]]}


def _without(store: DeliveryStore, delivery: Delivery, gone: set[str]) -> Delivery:
    kept = pack(unpack(delivery.instances) - gone)
    return store.change(delivery, instances=kept, unassigned=delivery.unassigned - len(gone))


def end(
    store: DeliveryStore, flight: Flight, outcome: Outcome, destination: Destination | None
) -> list[Delivery]:
    """Write down how a job ended and what follows for its deliveries: done, more to send, another attempt, or failed for good."""
    if outcome.state == "succeeded":
        # More than were planned: images that arrived between the decision and the job went along.
        if outcome.failed == 0 and outcome.count >= flight.instance_count:
            return [_part_delivered(store, job, destination) for job in flight.jobs]
        outcome = Outcome(
            "failed",
            error=f"Orthanc's job ended without an error, but it sent {outcome.count - outcome.failed} of "
            f"{flight.instance_count} instances.",
        )
    if outcome.state == "lost":
        return [store.end(j, j.as_report("lost"), last_error=outcome.error) for j in flight.jobs]
    failure = retry.Failure(outcome.code, outcome.error)
    if len(flight.jobs) > 1 and not failure.silent:
        return [_failed_together(store, job, failure) for job in flight.jobs]
    return [_failed(store, job, failure) for job in flight.jobs]


def _failed_together(store: DeliveryStore, job: Job, failure: retry.Failure) -> Delivery:
    """One of several made the job fail, and nobody can tell which: each goes on alone, at once."""
    return store.end(
        job,
        job.as_report("failed", retry.Failure(failure.code, f"{failure.text} {TOGETHER}")),
        next_attempt_at=None,
        unreachable=False,
        first_failed_at=clock.now(),
        failures=1,
    )


def _part_delivered(store: DeliveryStore, job: Job, destination: Destination | None) -> Delivery:
    now = clock.now()
    verified = destination is not None and destination.verify != "none"
    check_at = now + CHECK_AFTER if verified else None
    return store.end(
        job,
        job.as_report("succeeded"),
        sent=job.instances,
        complete={"state": "delivered", "delivered_at": now, "check_at": check_at},
        last_error="",
        unreachable=False,
        first_failed_at=None,
        failures=0,
    )


def _failed(store: DeliveryStore, job: Job, failure: retry.Failure) -> Delivery:
    delivery = store.get(job.delivery)
    first = (delivery.first_failed_at if delivery else None) or clock.now()
    failures = (delivery.failures if delivery else 0) + 1
    attempt = job.as_report("failed", failure)
    if failure.permanent or clock.now() - first > retry.GIVE_UP_AFTER:
        reason = "permanent" if failure.permanent else "gave_up"
        return store.end(job, attempt, state="failed", reason=reason, last_error=failure.text)
    split = failure.mixed_syntaxes
    pause = 0.0 if split and delivery and not delivery.split else retry.pause_after(failures)
    return store.end(
        job,
        attempt,
        split=split or bool(delivery and delivery.split),
        next_attempt_at=clock.now() + pause,
        last_error=failure.text,
        unreachable=failure.unreachable,
        first_failed_at=first,
        failures=failures,
    )
