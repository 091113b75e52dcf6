"""Pages of policies: list, page, form, preview, and running one now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts.access import (
    SignedInRequest,
    admin_required,
    operator_required,
    viewer_required,
)
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in
from purge import scheduler
from purge.filters import PolicyFilter
from purge.forms import PolicyForm, RunForm, SettingsForm
from purge.models import PurgePolicy, PurgeSettings
from purge.sentence import sentence
from purge.services import policies as services
from purge.services import runs, waiting
from routing.models.rule import Enforcement

RECENT = 10


@viewer_required
@require_safe
def policies(request: SignedInRequest) -> HttpResponse:
    rows = PurgePolicy.objects.prefetch_related("nodes", "require_delivered_to")
    found = PolicyFilter(request.GET, rows)
    shown = list(found.qs) if found.is_valid() else []
    for row in shown:
        _add_words(row)
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "policies": shown,
        "trouble": scheduler.trouble(),
        "waits": waiting.words(),
    }
    return render(request, "purge/policies.html", context)


@viewer_required
@require_safe
def policy(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _get(pk)
    _add_words(found)
    context = {
        "policy": found,
        "next_runs": services.next_runs(found),
        "runs": found.runs.select_related("node")[:RECENT],
        "trouble": scheduler.trouble() if found.schedule else "",
        "waits": waiting.words(),
    }
    return render(request, "purge/policy.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def policy_create(request: SignedInRequest) -> HttpResponse:
    return _edit(request, PurgePolicy())


@admin_required
@require_http_methods(["GET", "POST"])
def policy_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(PurgePolicy, pk=pk))


def _edit(request: SignedInRequest, policy: PurgePolicy) -> HttpResponse:
    form = PolicyForm(request.POST or None, instance=policy)
    checked: PurgePolicy | None = None
    if request.method == "POST" and form.is_valid():
        with errors_in(form):
            made = form.save(commit=False)
            if "check" in request.POST:
                services.check(made, form.chosen["nodes"], form.chosen["require_delivered_to"])
                checked = made
            else:
                saved = services.save(request.user, made, **form.chosen)
                told = _("“%(name)s” is saved.") % {"name": saved}
                messages.success(request, f"{told} {_cancelled(saved)}".strip())
                return redirect("policy", pk=saved.pk)
    context: dict[str, Any] = {
        "form": form,
        "policy": PurgePolicy.objects.filter(pk=policy.pk).first(),
    }
    if checked is not None:
        context["words"] = sentence(
            checked, form.chosen["nodes"], form.chosen["require_delivered_to"]
        )
        context["next_runs"] = services.next_times(checked.schedule, checked.time_zone)
    return render(request, "purge/policy_form.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def policy_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(PurgePolicy, pk=pk)
    context = {
        "title": _("Delete the purge policy “%(name)s”?") % {"name": found},
        "consequences": [
            _("Nothing is deleted because of it any more."),
            _("Its runs stay in the history under its name."),
        ],
        "button": _("Delete the policy"),
        "back_url": reverse("policy", args=(pk,)),
    }
    if request.method == "POST":
        try:
            services.delete(request.user, found)
        except ValidationError as error:
            context["refusal"] = " ".join(error.messages)
        else:
            messages.success(request, _("“%(name)s” is deleted.") % {"name": found})
            return redirect("policies")
    return render(request, "confirm.html", context)


@admin_required
@require_POST
def policy_enforcement(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(PurgePolicy, pk=pk)
    try:
        saved = services.set_enforcement(request.user, found, request.POST.get("enforcement", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{_enforced(saved)} {_cancelled(saved)}".strip())
    return redirect("policy", pk=pk)


def _cancelled(policy: PurgePolicy) -> str:
    count = policy.cancelled_runs
    told = ngettext(
        "%d run that was not over is cancelled.", "%d runs that were not over are cancelled.", count
    )
    return told % count if count else ""


def _enforced(policy: PurgePolicy) -> str:
    sentences = {
        Enforcement.ACTIVE: _("“%(name)s” is active: its runs delete."),
        Enforcement.DRY_RUN: _(
            "“%(name)s” is a dry run: it plans and records, and deletes nothing."
        ),
        Enforcement.DISABLED: _("“%(name)s” is disabled: it does not run."),
    }
    return sentences[Enforcement(policy.enforcement)] % {"name": policy}


@operator_required
@require_POST
def policy_preview(request: SignedInRequest, pk: int) -> HttpResponse:
    """What the policy would do now, from each of its nodes."""
    found = _get(pk)
    _add_words(found)
    try:
        previews = runs.preview(request.user, found, services.concerned_nodes(found))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("policy", pk=pk)
    return render(request, "purge/preview.html", {"policy": found, "previews": previews})


@admin_required
@require_http_methods(["GET", "POST"])
def policy_run(request: SignedInRequest, pk: int) -> HttpResponse:
    """Run it now, once its name was typed."""
    found = _get(pk)
    _add_words(found)
    try:
        nodes = services.concerned_nodes(found)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("policy", pk=pk)
    form = RunForm(request.POST or None, policy=found, nodes=nodes)
    if form.is_valid():
        with errors_in(form):
            started = runs.start(request.user, found, list(form.cleaned_data["nodes"]) or None)
            messages.success(request, _("It is being planned."))
            return redirect("purge", pk=started[0].pk) if len(started) == 1 else redirect("purges")
    return render(request, "purge/run_now.html", {"policy": found, "form": form})


@admin_required
@require_POST
def purge_go_on(request: SignedInRequest) -> HttpResponse:
    """Purging waits since a restore, and somebody has looked."""
    waiting.go_on(request.user)
    messages.success(request, _("Purging goes on."))
    return redirect("policies")


@admin_required
@require_http_methods(["GET", "POST"])
def purge_settings(request: SignedInRequest) -> HttpResponse:
    form = SettingsForm(request.POST or None, instance=PurgeSettings.load())
    if form.is_valid():
        with errors_in(form):
            services.save_settings(request.user, form.save(commit=False))
            messages.success(request, _("The settings are saved."))
            return redirect("purge-settings")
    return render(request, "purge/settings.html", {"form": form})


def _get(pk: int) -> PurgePolicy:
    rows = PurgePolicy.objects.prefetch_related("nodes", "require_delivered_to")
    return get_object_or_404(rows, pk=pk)


def _add_words(policy: PurgePolicy) -> None:
    required = list(policy.require_delivered_to.all())
    policy.words = sentence(policy, list(policy.nodes.all()), required)  # type: ignore[attr-defined]
    policy.next_run = next(iter(services.next_runs(policy, 1)), None)  # type: ignore[attr-defined]
