"""Rules: in order, with their sentences; written as an expression that is checked while it is typed."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, admin_required, viewer_required
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in
from routing.filters import RuleFilter
from routing.forms import RuleForm
from routing.models import Destination, Rule
from routing.models.rule import Enforcement
from routing.services import rules as services


@viewer_required
@require_safe
def rules(request: SignedInRequest) -> HttpResponse:
    found = RuleFilter(request.GET, Rule.objects.prefetch_related("destinations", "nodes"))
    rows = list(found.qs) if found.is_valid() else []
    active = chips(found, request.GET)
    for rule in rows:
        rule.sentence = services.check(rule.expression).sentence
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
    }
    return render(request, "rules/detail.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def rule_create(request: SignedInRequest) -> HttpResponse:
    return _edit(request, Rule())


@admin_required
@require_http_methods(["GET", "POST"])
def rule_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Rule, pk=pk))


def _edit(request: SignedInRequest, rule: Rule) -> HttpResponse:
    form = RuleForm(request.POST or None, instance=rule)
    checking = "check" in request.POST
    if request.method == "POST" and not checking and form.is_valid():
        with errors_in(form):
            saved = services.save(
                request.user,
                form.save(commit=False),
                destinations=form.cleaned_data["destinations"],
                nodes=form.nodes,
                reason=form.cleaned_data["reason"],
            )
            messages.success(
                request,
                _(
                    "“%(name)s” is saved as revision %(number)d; nodes that are online follow it within seconds."
                )
                % {"name": saved, "number": saved.revision},
            )
            return redirect("rule", pk=saved.pk)
    text = form["expression"].value() or ""
    context = {
        "form": form,
        "rule": Rule.objects.filter(pk=rule.pk).first(),
        "parsed": services.check(text) if text.strip() else None,
        "checking": checking,
    }
    return render(request, "rules/form.html", context)


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
    try:
        services.set_enforcement(request.user, rule, request.POST.get("enforcement", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _enforced(Rule.objects.get(pk=pk)))
    return redirect("rule", pk=pk)


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
    destinations = Destination.objects.filter(enabled=True, gone_at=None)
    context = {
        "title": _("Send everything to all of these?"),
        "destinations": destinations,
        "button": _("Make the rule") if destinations else "",
        "harmless": destinations.exists(),
        "back_url": reverse("overview"),
    }
    return render(request, "rules/everything.html", context)
