"""Names that are no DICOM keywords have their value inside Orthanc: who sent a study, when, how much of it there is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from testbed.studies import make_study, send_by_cstore
from testbed.waiting import wait_for
from tests.orthanc.site import Site, unique


def test_rules_read_where_a_study_came_from_and_how_large_it_is(site: Site, tmp_path: Path) -> None:
    begin = datetime.now() - timedelta(seconds=2)
    expressions = [
        'RemoteAET == "SCANNER_7"',
        f'CalledAET == "{site.orthanc.aet}"',
        'RemoteIP == "127.0.0.1"',
        "InstanceCount == 6",
        "SeriesCount == 2",
        "StudySizeMB > 0 and StudySizeMB < 1",
        f'Node == "{site.node_name}"',
        f'ReceivedAt >= d"{begin.isoformat(timespec="seconds")}"',
        'ReceivedAt <= $now and ReceivedAt > $now - t"PT1M"',
        '"CT series 2" in SeriesDescriptions',
        "PatientAgeYears == 42",
        'StudyDate <= $today - t"P100D"',
    ]
    rules = _dry_run(site, expressions)
    patient = unique("P")
    files = make_study(
        tmp_path, "CT", series=2, instances=3, rows=8, PatientID=patient, PatientAge="042Y"
    )
    send_by_cstore(files, "127.0.0.1", site.orthanc.dicom_port, site.orthanc.aet, "SCANNER_7")
    query = {"Level": "Study", "Query": {"PatientID": patient}}
    (ident,) = wait_for(lambda: site.orthanc.post("/tools/find", query), "it is stored")
    assert _results(site, ident, rules) == dict.fromkeys(expressions, "match")


def test_labels_are_read_where_orthanc_has_them_and_undecided_where_it_has_not(
    site: Site, tmp_path: Path
) -> None:
    expressions = ['"teaching" in Labels', '"research" in Labels', '"research" not in Labels']
    rules = _dry_run(site, expressions)
    files = make_study(tmp_path, "CT", series=1, instances=1, rows=8)
    ident = site.send(files)
    labels = site.orthanc.request("PUT", f"/studies/{ident}/labels/teaching", data="").ok
    expected = ["match", "no_match", "match"] if labels else ["undecided"] * 3
    assert labels is bool(site.orthanc.get("/system").get("HasLabels"))
    assert list(_results(site, ident, rules).values()) == expected


def _dry_run(site: Site, expressions: list[str]) -> dict[int, str]:
    """Rules that only decide, by their number."""
    rules = {}
    for expression in expressions:
        made = site.rule(expression, [], enforcement="dry_run", stop_on_match=True)
        rules[made["id"]] = expression
    site.settle()
    return rules


def _results(site: Site, ident: str, rules: dict[int, str]) -> dict[str, str]:
    decisions = site.decisions(ident)
    return {expression: decisions[rule]["result"] for rule, expression in rules.items()}
