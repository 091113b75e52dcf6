"""Replays of rules. A replay advances while somebody asks for it: a step at a time, and never in the background."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from routing.backtest import Past, Replay, Tally, Version
from routing.conditions import compile_condition
from routing.language import parse
from routing.models import Backtest, Rule, Study
from routing.models.rule import Enforcement

DAYS = (7, 30, 90)
LONGEST_DAYS = 366
KEPT_FOR = timedelta(days=2)
CHUNK = 500
# How often the clock is looked at.
EVERY = 50


def start(
    actor: User,
    rule: Rule,
    *,
    nodes: Iterable[int],
    destinations: Iterable[int],
    days: int,
) -> Backtest:
    """Begin to replay a rule as it would be saved, against the version that is.

    Args:
        rule: may be unsaved, and changed without being saved.
        days: how far back, 1 to 366.

    Raises:
        ValidationError: by field: the expression is not right, or there are too many days.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValidationError({"days": [_("Give 1 to %(n)d days.") % {"n": LONGEST_DAYS}]})
    if parse(rule.expression).tree is None:
        raise ValidationError({"expression": [_("Correct the condition first.")]})
    Backtest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    saved = Rule.objects.prefetch_related("nodes", "destinations").filter(pk=rule.pk).first()
    until = timezone.now()
    made = Backtest(
        rule=saved,
        asked_by=actor,
        question=_question(rule, saved, nodes, destinations),
        days=days,
        since=until - timedelta(days=days),
        until=until,
    )
    made.total = _studies(made).count()
    made.save()
    return made


def _question(
    rule: Rule, saved: Rule | None, nodes: Iterable[int], destinations: Iterable[int]
) -> dict[str, Any]:
    return {
        "rule": _version(rule.expression, rule.level, nodes),
        "destinations": sorted(destinations),
        "saved": _saved(saved),
        "saved_destinations": _destinations(saved),
        "stops": [_stored(each) for each in _stopping_before(saved)],
    }


def _version(expression: str, level: str, nodes: Iterable[int]) -> dict[str, Any]:
    return {"expression": expression, "level": level, "nodes": sorted(nodes)}


def _stored(rule: Rule) -> dict[str, Any]:
    return _version(rule.expression, rule.level, [node.pk for node in rule.nodes.all()])


def _saved(rule: Rule | None) -> dict[str, Any] | None:
    """A rule that is not active has forwarded nothing."""
    active = rule is not None and rule.enforcement == Enforcement.ACTIVE
    return _stored(rule) if rule is not None and active else None


def _destinations(rule: Rule | None) -> list[int]:
    active = rule is not None and rule.enforcement == Enforcement.ACTIVE
    return sorted(each.pk for each in rule.destinations.all()) if rule and active else []


def _stopping_before(rule: Rule | None) -> QuerySet[Rule]:
    rows = Rule.objects.filter(stop_on_match=True, enforcement=Enforcement.ACTIVE)
    if rule is not None:
        rows = rows.filter(position__lt=rule.position)
    return rows.prefetch_related("nodes")


def advance(backtest: Backtest, seconds: float) -> Backtest:
    """Go on for a while. What another window does at the same time counts once.

    Args:
        seconds: after which this call ends, done or not.
    """
    if backtest.state != Backtest.State.RUNNING:
        return backtest
    step = backtest.step
    replay = _replay(backtest.question)
    tally = Tally(**backtest.tally)
    deadline = time.monotonic() + seconds
    reached = (backtest.reached_at, backtest.reached_pk)
    state = Backtest.State.DONE
    if replay is not None:
        for number, (study, reported_at) in enumerate(_ahead(backtest), start=1):
            replay.add(tally, study)
            reached = (reported_at, study.pk)
            if number % EVERY == 0 and time.monotonic() > deadline:
                state = Backtest.State.RUNNING
                break
    Backtest.objects.filter(pk=backtest.pk, step=step, state=Backtest.State.RUNNING).update(
        step=F("step") + 1,
        state=state,
        reached_at=reached[0],
        reached_pk=reached[1],
        tally=tally.as_dict(),
    )
    backtest.refresh_from_db()
    return backtest


def cancel(backtest: Backtest) -> Backtest:
    """Stop for good; what was counted so far stays."""
    running = Backtest.objects.filter(pk=backtest.pk, state=Backtest.State.RUNNING)
    running.update(state=Backtest.State.CANCELLED)
    backtest.refresh_from_db()
    return backtest


def _replay(question: dict[str, Any]) -> Replay | None:
    """None when the rule cannot be read any more, because the language changed under it."""
    rule = _compiled(question["rule"])
    if rule is None:
        return None
    saved = _compiled(question["saved"]) if question["saved"] else None
    stops = [made for each in question["stops"] if (made := _compiled(each)) is not None]
    return Replay(rule, saved, stops)


def _compiled(version: dict[str, Any]) -> Version | None:
    tree = parse(version["expression"]).tree
    if tree is None:
        return None
    return Version(compile_condition(tree), version["level"], frozenset(version["nodes"]))


def _studies(backtest: Backtest) -> QuerySet[Study]:
    rows = Study.objects.filter(reported_at__gte=backtest.since, reported_at__lt=backtest.until)
    return rows.filter(last_seq__gte=0)


def _ahead(backtest: Backtest) -> Iterator[tuple[Past, Any]]:
    """The studies that are not counted yet, in the order of the index."""
    rows = _studies(backtest)
    if backtest.reached_at is not None:
        same = Q(reported_at=backtest.reached_at, pk__gt=backtest.reached_pk)
        after = same | Q(reported_at__gt=backtest.reached_at)
        # The first condition is implied, and lets the database begin in the middle of the index.
        rows = rows.filter(after, reported_at__gte=backtest.reached_at)
    values = rows.order_by("reported_at", "pk").values_list(
        "pk", "node_id", "size_bytes", "stable_at", "reported_at", "facts"
    )
    zone = timezone.get_current_timezone()
    for pk, node, size, stable_at, reported_at, facts in values.iterator(chunk_size=CHUNK):
        at = (stable_at or reported_at).astimezone(zone).replace(tzinfo=None)
        yield Past(pk, node, size, at, reported_at.astimezone(zone).date(), facts), reported_at
