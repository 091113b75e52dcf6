"""Orthancs that share an index and forward by different rules are warned of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orthanc_console.plugin.warnings import Warnings
from routing.conditions import compile_condition
from routing.plugin.agreement import PATIENCE, Agreement
from routing.plugin.matcher import Rule

ALWAYS = compile_condition({"value": True, "type": "boolean"})


def rule(revision: int = 1, destinations: tuple[int, ...] = (3, 5)) -> Rule:
    return Rule(1, "rule", revision, "active", "study", ALWAYS, destinations, "delta", False)


def orders(rules: Sequence[Rule], destinations: set[int]) -> str:
    other = Agreement(Warnings())
    other.obey(rules, destinations)
    return other.orders


@pytest.fixture
def warnings() -> Warnings:
    return Warnings()


@pytest.fixture
def agreement(warnings: Warnings) -> Agreement:
    agreement = Agreement(warnings)
    agreement.obey([rule()], {3, 5, 7})
    return agreement


def test_the_same_rules_and_destinations_agree(agreement: Agreement) -> None:
    assert orders([rule()], {3, 5}) == agreement.orders


@pytest.mark.parametrize(
    "other",
    [orders([], {3, 5}), orders([rule(revision=2)], {3, 5}), orders([rule()], {3})],
    ids=["no rule", "another revision", "a destination is missing"],
)
def test_one_that_goes_on_differing_is_warned_of(
    agreement: Agreement, warnings: Warnings, other: str
) -> None:
    agreement.compare("other", other, now=0)
    assert warnings.as_list() == []
    agreement.compare("other", other, now=PATIENCE + 1)
    assert [warning["code"] for warning in warnings.as_list()] == ["shared_rules"]
    agreement.compare("other", agreement.orders, now=PATIENCE + 2)
    assert warnings.as_list() == []
