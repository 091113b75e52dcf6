"""Rules: in order, with their sentences; written as an expression that is checked while it is typed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, admin_required, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in
from routing import rule_templates as beginnings
from routing.filters import RuleFilter
from routing.forms import RuleForm
from routing.models import Destination, Rule, Study
from routing.models.rule import Enforcement
from routing.samples import seen_values
from routing.services import ordering
from routing.services import rules as services
from routing.twins import twins
from routing.views.rule_backtests import DEFAULT_DAYS, before_activating
from routing.views.rule_editor import editor_context


@viewer_required
@require_safe
def rules(request: SignedInRequest) -> HttpResponse:
    everything = Rule.objects.prefetch_related("destinations", "nodes")
    found = RuleFilter(request.GET, everything)
    rows = list(found.qs) if found.is_valid() else []
    active = chips(found, request.GET)
    shadowed = ordering.shadowed(everything if active else rows)
    for rule in rows:
        rule.sentence = services.check(rule.expression).sentence
        rule.shadow = shadowed.get(rule.pk)
        rule.idle = ordering.idle(rule)
    context = {"filter": found, "chips": active, "rules": rows, "movable": not active}
    return render(request, "rules/list.html", context)


@viewer_required
@require_safe
def rule(request: SignedInRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule.objects.prefetch_related("destinations", "nodes"), pk=pk)
    context = {
        "rule": rule,
        "parsed": services.check(rule.expression),
        "revisions": rule.revisions.all(),
        "shadow": ordering.shadowed(Rule.objects.prefetch_related("nodes")).get(rule.pk),
        "idle": ordering.idle(rule),
    }
    return render(request, "rules/detail.html", context)


@admin_required
@require_safe
def rule_templates(request: SignedInRequest) -> HttpResponse:
    """Rules to begin with, with the values that this site's studies have."""
    samples = seen_values()
    known = [
        (each, text, services.check(text).sentence)
        for each in beginnings.TEMPLATES
        if (text := each.expression(samples))
    ]
    return render(request, "rules/templates.html", {"templates": known})


@admin_required
@require_http_methods(["GET", "POST"])
def rule_create(request: SignedInRequest) -> HttpResponse:
    chosen = beginnings.find(request.GET.get("template", ""))
    if chosen is None:
        return _edit(request, Rule())
    name, text = str(chosen.name), chosen.expression(seen_values())
    return _edit(request, Rule(name=name, expression=text, level=chosen.level))


@admin_required
@require_http_methods(["GET", "POST"])
def rule_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Rule, pk=pk))


def _edit(request: SignedInRequest, rule: Rule) -> HttpResponse:
    form = RuleForm(request.POST or None, instance=rule)
    looking = bool({"check", "try"} & request.POST.keys())
    replay: dict[str, Any] = {}
    if request.method == "POST" and not looking and form.is_valid():
        with errors_in(form):
            replay = _replay_first(request, form)
            if not replay:
                return _saved(request, form)
    text = form["expression"].value() or ""
    stored = Rule.objects.filter(pk=rule.pk).first()
    context = {
        "form": form,
        "rule": stored,
        "parsed": services.check(text) if text.strip() else None,
        "checking": looking,
        "replay": replay,
        **editor_context(stored or rule, request.POST, text),
    }
    return render(request, "rules/form.html", {**context, **replay})


def _saved(request: SignedInRequest, form: RuleForm) -> HttpResponse:
    saved = services.save(
        request.user,
        form.save(commit=False),
        destinations=form.cleaned_data["destinations"],
        nodes=form.nodes,
        reason=form.cleaned_data["reason"],
    )
    words = _(
        "“%(name)s” is saved as revision %(number)d; nodes that are online follow it within seconds."
    )
    messages.success(request, words % {"name": saved, "number": saved.revision})
    return redirect("rule", pk=saved.pk)


def _replay_first(request: SignedInRequest, form: RuleForm) -> dict[str, Any]:
    """What an active rule would have done, before it is saved with another condition; empty when there is no need."""
    rule = form.instance
    if "confirmed" in request.POST or rule.enforcement != Enforcement.ACTIVE:
        return {}
    destinations, nodes = list(form.cleaned_data["destinations"]), form.nodes
    services.validate(rule, destinations)
    stored = Rule.objects.filter(pk=rule.pk).first()
    same = ("enforcement", "expression", "level")
    if stored and all(getattr(stored, name) == getattr(rule, name) for name in same):
        return {}
    return before_activating(
        request,
        rule,
        nodes=[node.pk for node in nodes],
        destinations=[each.pk for each in destinations],
    )


@viewer_required
@require_POST
def rule_check(request: SignedInRequest) -> HttpResponse:
    """What the language says of the text in the form: sentence, errors with their place, warnings."""
    text = request.POST.get("expression", "")
    parsed = services.check(text) if text.strip() else None
    return render(request, "rules/check.html", {"parsed": parsed})


@admin_required
@require_http_methods(["GET", "POST"])
def rule_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    if request.method == "POST":
        services.delete(request.user, rule)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": rule})
        return redirect("rules")
    context = {
        "title": _("Delete the rule “%(name)s”?") % {"name": rule},
        "consequences": [
            _("Studies that arrive from now on are not forwarded because of it."),
            _("Deliveries that it made go on, and keep its name in the history."),
            _("Its %(count)d revisions are deleted; the audit trail keeps the last one.")
            % {"count": rule.revisions.count()},
        ],
        "button": _("Delete the rule"),
        "back_url": reverse("rule", args=(pk,)),
    }
    return render(request, "confirm.html", context)


@admin_required
@require_POST
def rule_move(request: SignedInRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    try:
        position = int(request.POST.get("position", ""))
    except ValueError:
        messages.error(request, _("Give the position as a number; 1 is first. Nothing was moved."))
        return redirect("rules")
    services.move(request.user, rule, position)
    return redirect(f"{reverse('rules')}#rule-{pk}")


@admin_required
@require_POST
def rule_enforcement(request: SignedInRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    wanted = request.POST.get("enforcement", "")
    try:
        replay = {} if "confirmed" in request.POST else _replay_stored(request, rule, wanted)
        if replay:
            return render(request, "rules/activate.html", {"rule": rule, **replay})
        services.set_enforcement(request.user, rule, wanted)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _enforced(Rule.objects.get(pk=pk)))
    return redirect("rule", pk=pk)


def _replay_stored(request: SignedInRequest, rule: Rule, wanted: str) -> dict[str, Any]:
    if wanted != Enforcement.ACTIVE or rule.enforcement == Enforcement.ACTIVE:
        return {}
    return before_activating(
        request,
        rule,
        nodes=rule.nodes.values_list("pk", flat=True),
        destinations=rule.destinations.values_list("pk", flat=True),
    )


def _enforced(rule: Rule) -> str:
    sentences = {
        Enforcement.ACTIVE: _("“%(name)s” is active: what matches is sent."),
        Enforcement.DRY_RUN: _(
            "“%(name)s” is a dry run: it decides and records, and sends nothing."
        ),
        Enforcement.DISABLED: _("“%(name)s” is disabled: it is not asked at all."),
    }
    return sentences[Enforcement(rule.enforcement)] % {"name": rule}


@admin_required
@require_http_methods(["GET", "POST"])
def rule_everything(request: SignedInRequest) -> HttpResponse:
    """The first rule in one click: every study to every destination that is known."""
    if request.method == "POST":
        try:
            rule = services.forward_everything(request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("rules")
        messages.success(
            request, _("The rule is active. Every study that arrives from now on is forwarded.")
        )
        return redirect("rule", pk=rule.pk)
    destinations = list(
        Destination.objects.filter(enabled=True, gone_at=None).prefetch_related("nodes")
    )
    alike = twins(destinations)
    for each in destinations:
        each.twins = alike.get(each.pk, [])  # type: ignore[attr-defined]
    month = Study.objects.filter(reported_at__gte=timezone.now() - timedelta(days=DEFAULT_DAYS))
    context = {
        "title": _("Send everything to all of these?"),
        "month": month.aggregate(count=Count("pk"), size=Sum("size_bytes")),
        "destinations": destinations,
        "button": _("Make the rule") if destinations else "",
        "harmless": bool(destinations),
        "back_url": reverse("overview"),
    }
    return render(request, "rules/everything.html", context)
