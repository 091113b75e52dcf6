"""Studies, terms and what has to become of them: run on every version of Orthanc by test_purge_matrix.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOON = "2026-03-10T12:00:00Z"


@dataclass(frozen=True)
class Case:
    """One study.

    Attributes:
        verdict: `deleted`, or the reason for which it is kept.
        policy: what the policy says.
        tags: what the study has.
        now: when the console works out the age.
        setup: what else happens, see `World` in test_purge_matrix.py.
        cutoff: seconds from the study's last update to the latest time that is old enough.
    """

    name: str
    verdict: str
    policy: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    now: str = NOON
    setup: str = ""
    cutoff: float | None = None


def dated(
    name: str, verdict: str, date: str, days: int = 30, zone: str = "UTC", now: str = NOON
) -> Case:
    """A study that is judged by its date."""
    policy = {"older_than_days": days, "time_zone": zone}
    return Case(name, verdict, policy, {"StudyDate": date}, now)


def old(name: str, verdict: str, setup: str = "", **policy: Any) -> Case:
    """A study that is old enough, and something else."""
    return Case(name, verdict, policy, {"StudyDate": "20190101"}, setup=setup)


def by_time(name: str, verdict: str, basis: str, cutoff: float, setup: str = "") -> Case:
    """A study that is judged by a time of Orthanc."""
    return Case(name, verdict, {"age_basis": basis}, {"StudyDate": ""}, NOON, setup, cutoff)


DATES = [
    dated("a day more than the age", "deleted", "20260207"),
    dated("exactly the age", "too_young", "20260208"),
    dated("a day less than the age", "too_young", "20260209"),
    dated("far in the past", "deleted", "19500101"),
    dated("in the future", "too_young", "20991231"),
    dated("yesterday and no age", "deleted", "20260309", days=0),
    dated("today and no age", "too_young", "20260310", days=0),
    dated("over the leap day, gone", "deleted", "20240228", days=740),
    dated("over the leap day, kept", "too_young", "20240228", days=741),
    dated("leap day itself", "deleted", "20240229", days=10),
    dated("end of the year, gone", "deleted", "20251231", days=0, now="2026-01-01T00:00:30Z"),
    dated("end of the year, kept", "too_young", "20251231", days=1, now="2026-01-01T00:00:30Z"),
]
LATE, EARLY = "2026-03-10T23:30:00Z", "2026-03-10T00:30:00Z"
ZONES = [
    dated("UTC late in the day", "too_young", "20260309", 1, "UTC", LATE),
    dated("Kiritimati is a day ahead", "deleted", "20260309", 1, "Pacific/Kiritimati", LATE),
    dated("Auckland is a day ahead", "deleted", "20260309", 1, "Pacific/Auckland", LATE),
    dated("Berlin is past midnight", "deleted", "20260309", 1, "Europe/Berlin", LATE),
    dated("New York is not", "too_young", "20260309", 1, "America/New_York", LATE),
    dated("Pago Pago is not", "too_young", "20260309", 1, "Pacific/Pago_Pago", LATE),
    dated("UTC early in the day", "deleted", "20260308", 1, "UTC", EARLY),
    dated("New York is a day behind", "too_young", "20260308", 1, "America/New_York", EARLY),
    dated("Pago Pago is a day behind", "too_young", "20260308", 1, "Pacific/Pago_Pago", EARLY),
    dated("Kolkata is not", "deleted", "20260308", 1, "Asia/Kolkata", EARLY),
    dated(
        *("Berlin when its clocks go forward", "deleted", "20260327", 1, "Europe/Berlin"),
        now="2026-03-28T23:30:00Z",
    ),
    dated(
        *("Berlin when its clocks go back", "too_young", "20261024", 1, "Europe/Berlin"),
        now="2026-10-25T22:30:00Z",
    ),
]
UNDATED = [
    dated("no study date", "undated", ""),
    dated("no such month", "undated", "20191301"),
    dated("no such day", "undated", "20190230"),
    dated("zeros", "undated", "00000000"),
    dated("too short", "undated", "2019"),
    dated("dots as in ACR-NEMA", "undated", "2019.01.01"),
    dated("a range", "undated", "20180101-20190101"),
    dated("letters", "undated", "2019O1O1"),
    Case(
        "undated, by reception, old enough",
        "deleted",
        {"undated": "received"},
        {"StudyDate": ""},
        cutoff=5,
    ),
    Case(
        "undated, by reception, too young",
        "too_young",
        {"undated": "received"},
        {"StudyDate": "00000000"},
        cutoff=-60,
    ),
    Case(
        "dated, although undated ones go by reception",
        "too_young",
        {"undated": "received"},
        {"StudyDate": "20991231"},
        cutoff=5,
    ),
]
TIMES = [
    by_time("received before the cutoff", "deleted", "received", 5),
    by_time("received after it", "too_young", "received", -60),
    by_time("changed before the cutoff", "deleted", "updated", 5),
    by_time("changed at the cutoff", "deleted", "updated", 0),
    by_time("changed a second after it", "too_young", "updated", -1),
    by_time("received long ago, changed since", "deleted", "received", -1, "late_series"),
    by_time("changed since it was received", "too_young", "updated", -1, "late_series"),
]
CONDITIONS = [
    old("condition holds", "deleted", expression='StudyDescription == "CT sample"'),
    old("condition does not hold", "no_match", expression='StudyDescription == "MR sample"'),
    old("a tag that is missing", "undecided", expression="PatientWeight > 70"),
    old("a tag that is missing, negated", "undecided", expression="not PatientWeight > 70"),
    old("a tag that is missing, but decided", "deleted", expression="PatientWeight > 70 or true"),
    old("a tag of the series", "deleted", expression='Modality == "CT"'),
    old("no series has it", "no_match", expression='Modality == "US"'),
    old("a tag that is not indexed", "deleted", expression="Rows == 8"),
    old("counts", "deleted", expression="InstanceCount == 2"),
    old("counts that differ", "no_match", expression="InstanceCount > 2"),
    old("where it came from is unknown", "undecided", expression='RemoteAET == "CT1"'),
]
SAFETY = [
    old("protected", "protected", "protect"),
    old("protected, and another reason", "live_delivery", "protect_and_wait"),
    old("received an hour ago", "recent", min_days_since_received=1),
    old("no floor", "deleted", min_days_since_received=0),
    old("still growing", "growing", "unstable"),
    old("rules have not decided", "growing", "undecided_rules"),
    old("rules have decided", "deleted", "decided_rules"),
    old("label that protects", "label", "label", keep_labels=["keep", "other"]),
    old("another label", "deleted", "label", keep_labels=["other"]),
    old("no label at all", "deleted", keep_labels=["keep"]),
    old("label in the condition", "no_match", "label", expression='not "keep" in Labels'),
    old("delivery waits", "live_delivery", "delivery_waiting"),
    old("delivery is held", "live_delivery", "delivery_held"),
    old("delivery is being sent", "live_delivery", "delivery_sending"),
    old("delivery waits to be verified", "live_delivery", "delivery_unchecked"),
    old("delivered", "deleted", "delivery_delivered"),
    old("skipped", "deleted", "delivery_skipped"),
    old("cancelled", "deleted", "delivery_cancelled"),
    old("failed", "failed_delivery", "delivery_failed"),
    old("failed, then brought there", "deleted", "delivery_failed_then_delivered"),
    old("failed, remembered by the console", "failed_delivery", "failed_at_console"),
]
VERIFIED = [
    old("verified here before", "deleted", "verified_before"),
    old("verified only in part", "not_verified", "verified_in_part"),
    old("forgotten, the destination has it", "deleted", "forgotten_but_there"),
    old("forgotten, it has half of it", "not_verified", "forgotten_half_there"),
    old("never delivered", "not_verified", "never_delivered"),
    old("the destination is silent", "not_verified", "silent_destination"),
    old("the destination is unknown", "not_verified", "unknown_destination"),
]
DURING = [
    old("an image comes during the run", "changed", "late_image"),
    old("a series comes during the run", "changed", "late_series_in_run"),
    old("protected during the run", "protected", "protect_in_run"),
    old("labelled during the run", "label", "label_in_run", keep_labels=["keep"]),
    old("a delivery begins during the run", "live_delivery", "delivery_in_run"),
    old("deleted during the run", "gone", "deleted_in_run"),
    old("over the limit of studies", "capped", "older_first", max_studies_per_run=1),
    old("over the limit of bytes", "capped", max_bytes_per_run=100),
]
CASES = [*DATES, *ZONES, *UNDATED, *TIMES, *CONDITIONS, *SAFETY, *VERIFIED, *DURING]
