"""Replays of rules in pages: started from the editor, followed while they run, and shown before a rule becomes active."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, retarget

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from routing.models import Backtest, Destination, Rule, Study
from routing.models.rule import Level
from routing.services import backtests

# How long one request works; short enough that the page moves and the server stays free for others.
STEP_SECONDS = 0.7
DEFAULT_DAYS = 30
HIGH, WIDE = 60, 9


@viewer_required
@require_POST
def rule_backtest(request: SignedInRequest) -> HttpResponse:
    """Begin to replay the rule that is in the editor."""
    given = request.POST
    ident = given.get("rule", "")
    rule = Rule.objects.filter(pk=ident).first() if ident.isdecimal() else None
    tried = rule or Rule()
    tried.expression = given.get("expression", "")
    tried.level = given["level"] if given.get("level") in Level.values else Level.STUDY
    days = given.get("days", "")
    try:
        made = backtests.start(
            request.user,
            tried,
            nodes=_numbers(given.getlist("nodes")),
            destinations=_numbers(given.getlist("destinations")),
            days=int(days) if days.isdecimal() and len(days) < 5 else DEFAULT_DAYS,
        )
    except ValidationError as error:
        context = {"problem": " ".join(error.messages)}
        template = "rules/backtest_part.html" if request.htmx else "rules/backtest.html"
        return render(request, template, context)
    backtests.advance(made, STEP_SECONDS)
    if request.htmx:
        return render(request, "rules/backtest_part.html", backtest_context(made))
    return redirect("backtest", pk=made.pk)


def _numbers(values: list[str]) -> list[int]:
    # Longer ones no database has as a key.
    return [int(value) for value in values if value.isdecimal() and len(value) < 10]


@viewer_required
@require_safe
def backtest(request: SignedInRequest, pk: UUID) -> HttpResponse:
    made = get_object_or_404(Backtest.objects.select_related("rule"), pk=pk)
    return render(request, "rules/backtest.html", backtest_context(made))


@viewer_required
@require_POST
def backtest_advance(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Work a little longer on it."""
    made = backtests.advance(get_object_or_404(Backtest, pk=pk), STEP_SECONDS)
    if request.htmx and made.state == Backtest.State.RUNNING:
        return render(request, "rules/backtest_so_far.html", backtest_context(made))
    return _changed(request, made)


@viewer_required
@require_POST
def backtest_cancel(request: SignedInRequest, pk: UUID) -> HttpResponse:
    return _changed(request, backtests.cancel(get_object_or_404(Backtest, pk=pk)))


def _changed(request: SignedInRequest, made: Backtest) -> HttpResponse:
    if not request.htmx:
        return redirect("backtest", pk=made.pk)
    response = render(request, "rules/backtest_part.html", backtest_context(made))
    return reswap(retarget(response, f"#backtest-{made.pk}"), "outerHTML")


def before_activating(request: SignedInRequest, rule: Rule, **chosen: Any) -> dict[str, Any]:
    """The context of the replay that is shown before a rule becomes active; empty when there is no history to replay.

    Args:
        chosen: `nodes` and `destinations`, as primary keys.
    """
    made = backtests.start(request.user, rule, days=DEFAULT_DAYS, **chosen)
    if made.total == 0:
        made.delete()
        return {}
    return backtest_context(backtests.advance(made, STEP_SECONDS))


def backtest_context(made: Backtest) -> dict[str, Any]:
    """Numbers, bars and lists of a replay."""
    tally = made.tally
    listed = [*tally.get("gained", ()), *tally.get("lost", ())]
    studies = Study.objects.select_related("node").in_bulk(listed)
    return {
        "backtest": made,
        "tally": tally,
        "percent": 100 * tally.get("seen", 0) // made.total if made.total else 100,
        "bars": _bars(made),
        "volumes": _volumes(made),
        "gained": [studies[pk] for pk in tally.get("gained", ()) if pk in studies],
        "lost": [studies[pk] for pk in tally.get("lost", ()) if pk in studies],
        "compared": made.question["saved"] is not None,
    }


def _bars(made: Backtest) -> dict[str, Any]:
    """Each day of the time as a bar of what matched, on a scale of the most that any day had."""
    counts = made.tally.get("days") or {}
    if not counts:
        return {}
    first, last = timezone.localdate(made.since), timezone.localdate(made.until)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [(day, *counts.get(day.isoformat(), (0, 0, 0))) for day in days]
    most = max((max(row[2], row[3]) for row in rows), default=0) or 1
    return {
        "width": WIDE * len(rows),
        "height": HIGH,
        "most": most,
        "rows": [
            {
                "day": day,
                "seen": seen,
                "matched": matched,
                "before": before,
                "x": WIDE * place + 1,
                "high": round(HIGH * matched / most),
                "y": HIGH - round(HIGH * matched / most),
                "was": HIGH - round(HIGH * before / most),
            }
            for place, (day, seen, matched, before) in enumerate(rows)
        ],
    }


def _volumes(made: Backtest) -> list[dict[str, Any]]:
    """What each destination would get, and what it gets by the saved version."""
    new, old = set(made.question["destinations"]), set(made.question["saved_destinations"])
    tally = made.tally
    return [
        {
            "destination": destination,
            "count": tally.get("matched", 0) if destination.pk in new else 0,
            "size": tally.get("size", 0) if destination.pk in new else 0,
            "count_before": tally.get("before", 0) if destination.pk in old else 0,
            "size_before": tally.get("size_before", 0) if destination.pk in old else 0,
        }
        for destination in Destination.objects.filter(pk__in=new | old)
    ]
