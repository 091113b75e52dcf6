from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from routing.conditions import compile_condition
from routing.language import parse
from routing.plugin.matcher import Destination, Plan, Rule, plan
from routing.plugin.studies import Series, StudyContent

NOW = datetime(2026, 11, 24, 12)


def study(source_aet: str = "CT1") -> StudyContent:
    return StudyContent(
        orthanc_id="study",
        facts={
            "study": {"PatientID": "1", "ModalitiesInStudy": "CT\\SR", "RemoteAET": source_aet},
            "series": [{"Modality": "CT"}, {"Modality": "SR"}],
        },
        series=(
            Series("s1", ("i1", "i2"), frozenset([source_aet])),
            Series("s2", ("i3",), frozenset([source_aet])),
        ),
        size_bytes=1,
        source_aet=source_aet,
        received_at=None,
        last_update=None,
    )


def rule(ident: int, text: str = "true", **values: Any) -> Rule:
    parsed = parse(text)
    assert parsed.tree is not None, parsed.errors
    defaults: dict[str, Any] = {
        "id": ident,
        "name": f"rule {ident}",
        "revision": 1,
        "enforcement": "active",
        "level": "study",
        "condition": compile_condition(parsed.tree),
        "destinations": (1,),
        "late_arrivals": "delta",
        "stop_on_match": False,
    }
    return Rule(**{**defaults, **values})


def destination(ident: int, kind: str = "modality", aet: str = "PACS") -> Destination:
    return Destination(
        id=ident,
        name=f"d{ident}",
        kind=kind,
        source="console",
        enabled=True,
        paused=False,
        aet=aet,
        host="h",
        port=104,
        url="",
        username="",
        password="",
        verify="none",
        max_in_flight=2,
    )


def decide(
    *rules: Rule,
    content: StudyContent | None = None,
    destinations: tuple[Destination, ...] = (destination(1), destination(2)),
    covered: Mapping[int, frozenset[str]] | None = None,
) -> Plan:
    by_id = {d.id: d for d in destinations}
    return plan(content or study(), rules, by_id, covered or {}, NOW)


def test_a_rule_that_matches_sends_the_whole_study() -> None:
    planned = decide(rule(1, '"CT" in ModalitiesInStudy')).deliveries
    assert [(p.destination, p.instances, p.skip_reason) for p in planned] == [
        (1, {"i1", "i2", "i3"}, "")
    ]


def test_a_rule_that_does_not_match_or_cannot_be_decided_sends_nothing() -> None:
    decided = decide(rule(1, '"MR" in ModalitiesInStudy'), rule(2, 'AccessionNumber == "1"'))
    assert decided.deliveries == []
    assert [d["result"] for d in decided.decisions] == ["no_match", "undecided"]


def test_several_rules_for_one_destination_make_one_delivery() -> None:
    planned = decide(rule(1), rule(2), rule(3, destinations=(2,))).deliveries
    assert [(p.destination, [r.id for r in p.rules]) for p in planned] == [(1, [1, 2]), (2, [3])]


def test_a_series_level_rule_sends_only_the_series_that_match() -> None:
    (planned,) = decide(rule(1, 'Modality == "SR"', level="series")).deliveries
    assert planned.instances == {"i3"}


def test_the_sets_of_a_series_rule_and_a_study_rule_are_joined() -> None:
    (planned,) = decide(rule(1, 'Modality == "SR"', level="series"), rule(2)).deliveries
    assert planned.instances == {"i1", "i2", "i3"}


def test_late_images_go_as_a_delta() -> None:
    (planned,) = decide(rule(1), covered={1: frozenset(["i1"])}).deliveries
    assert planned.instances == {"i2", "i3"}


def test_late_images_can_make_the_whole_study_go_again() -> None:
    covered = {1: frozenset(["i1"])}
    (planned,) = decide(rule(1, late_arrivals="whole"), covered=covered).deliveries
    assert planned.instances == {"i1", "i2", "i3"}


def test_late_images_can_be_ignored() -> None:
    assert not decide(rule(1, late_arrivals="ignore"), covered={1: frozenset(["i1"])}).deliveries


def test_identical_images_that_come_again_send_nothing() -> None:
    covered = {1: frozenset(["i1", "i2", "i3"])}
    for late in ("delta", "whole", "ignore"):
        assert not decide(rule(1, late_arrivals=late), covered=covered).deliveries


def test_rules_after_one_that_stops_are_not_looked_at() -> None:
    decided = decide(rule(1, stop_on_match=True), rule(2, destinations=(2,)))
    assert [d["rule"] for d in decided.decisions] == [1]
    assert [p.destination for p in decided.deliveries] == [1]


def test_a_dry_run_records_and_does_not_stop_later_rules() -> None:
    dry = rule(1, enforcement="dry_run", stop_on_match=True)
    planned = decide(dry, rule(2, destinations=(2,))).deliveries
    assert [(p.destination, p.skip_reason) for p in planned] == [(1, "dry_run"), (2, "")]


def test_a_dry_run_shows_only_what_no_active_rule_sends() -> None:
    planned = decide(rule(1, enforcement="dry_run"), rule(2)).deliveries
    assert [(p.destination, p.skip_reason) for p in planned] == [(1, "")]


def test_nothing_goes_back_to_the_modality_that_it_came_from() -> None:
    (planned,) = decide(rule(1), content=study(source_aet="PACS")).deliveries
    assert planned.skip_reason == "loop_guard"


def test_only_the_series_that_came_from_there_are_kept_back() -> None:
    content = study()
    mixed = StudyContent(
        **{
            **content.__dict__,
            "series": (content.series[0], Series("s2", ("i3",), frozenset(["PACS"]))),
        }
    )
    (planned,) = decide(rule(1), content=mixed).deliveries
    assert (planned.instances, planned.skip_reason) == ({"i1", "i2"}, "")


def test_a_destination_that_this_node_does_not_have_is_left_out() -> None:
    planned = decide(rule(1, destinations=(1, 99))).deliveries
    assert [p.destination for p in planned] == [1]
