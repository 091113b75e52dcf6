"""Webhook targets: who is told of C-MOVEs, and who is asked."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from intercept.filters import TargetFilter
from intercept.forms import TargetForm
from intercept.models import DeliveryState, WebhookTarget
from intercept.plugin.template import NAMES
from intercept.services import targets as services
from orthanc_console.accounts.access import (
    SignedInRequest,
    admin_required,
    operator_required,
    viewer_required,
)
from orthanc_console.dashboard.filtering import chips
from orthanc_console.dashboard.forms import errors_in

SHOWN = 10


@viewer_required
@require_safe
def targets(request: SignedInRequest) -> HttpResponse:
    waiting = Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING))
    rows = WebhookTarget.objects.annotate(waiting=waiting).prefetch_related("nodes")
    found = TargetFilter(request.GET, rows)
    context = {
        "filter": found,
        "chips": chips(found, request.GET),
        "targets": list(found.qs) if found.is_valid() else [],
    }
    return render(request, "intercept/targets.html", context)


@viewer_required
@require_safe
def target(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(WebhookTarget.objects.prefetch_related("nodes"), pk=pk)
    context = {
        "target": found,
        "parsed": services.check(found.expression),
        "headers": services.shown_headers(found),
        "webhooks": found.deliveries.select_related("node", "move_request")[:SHOWN],
    }
    return render(request, "intercept/target.html", context)


@admin_required
@never_cache
@require_http_methods(["GET", "POST"])
def target_create(request: SignedInRequest) -> HttpResponse:
    return _edit(request, WebhookTarget())


@admin_required
@never_cache
@require_http_methods(["GET", "POST"])
def target_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(WebhookTarget, pk=pk))


def _edit(request: SignedInRequest, target: WebhookTarget) -> HttpResponse:
    fresh = target.pk is None
    form = TargetForm(request.POST or None, instance=target)
    if request.method == "POST" and form.is_valid():
        with errors_in(form):
            saved = services.save(request.user, form.save(commit=False), nodes=form.nodes)
            if fresh:
                context = {"target": saved, "secret": saved.secret}
                return render(request, "intercept/secret.html", context)
            words = _("“%(name)s” is saved; nodes that are online follow it within seconds.")
            messages.success(request, words % {"name": saved})
            return redirect("webhook-target", pk=saved.pk)
    text = form["expression"].value() or ""
    context = {
        "form": form,
        "target": WebhookTarget.objects.filter(pk=target.pk).first(),
        "parsed": services.check(text) if text.strip() else None,
        "placeholders": NAMES,
    }
    return render(request, "intercept/target_form.html", context)


@viewer_required
@require_POST
def target_check(request: SignedInRequest) -> HttpResponse:
    """What the language says of the condition in the form."""
    text = request.POST.get("expression", "")
    parsed = services.check(text) if text.strip() else None
    return render(request, "rules/check.html", {"parsed": parsed})


@admin_required
@require_POST
def target_enforcement(request: SignedInRequest, pk: int) -> HttpResponse:
    target = get_object_or_404(WebhookTarget, pk=pk)
    try:
        services.set_enforcement(request.user, target, request.POST.get("enforcement", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("“%(name)s” is saved.") % {"name": target})
    return redirect("webhook-target", pk=pk)


@operator_required
@require_POST
def target_test(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send one test message, and say what came of it."""
    result = services.test(request.user, get_object_or_404(WebhookTarget, pk=pk))
    words = result.detail
    if result.milliseconds is not None:
        words += " " + _("%(node)s waited %(ms)d ms.") % {
            "node": result.node,
            "ms": result.milliseconds,
        }
    (messages.success if result.ok else messages.error)(request, words)
    return redirect("webhook-target", pk=pk)


@admin_required
@never_cache
@require_http_methods(["GET", "POST"])
def target_secret(request: SignedInRequest, pk: int) -> HttpResponse:
    target = get_object_or_404(WebhookTarget, pk=pk)
    if request.method == "POST":
        secret = services.replace_secret(request.user, target)
        return render(request, "intercept/secret.html", {"target": target, "secret": secret})
    context = {
        "title": _("Replace the signing secret of “%(name)s”?") % {"name": target},
        "consequences": [
            _("Messages are signed with the new secret and, for 24 hours, with the old one too."),
            _("Tell the receiver the new secret within that time."),
        ],
        "button": _("Replace the secret"),
        "harmless": True,
        "back_url": reverse("webhook-target", args=(pk,)),
    }
    return render(request, "confirm.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def target_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    target = get_object_or_404(WebhookTarget, pk=pk)
    if request.method == "POST":
        services.delete(request.user, target)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": target})
        return redirect("webhook-targets")
    waiting = target.deliveries.filter(state=DeliveryState.WAITING).count()
    context = {
        "title": _("Delete the webhook target “%(name)s”?") % {"name": target},
        "consequences": [
            _("C-MOVEs that arrive from now on are neither told nor asked there."),
            _("%(count)d messages that wait for it are given up.") % {"count": waiting},
            _("Its history stays."),
        ],
        "button": _("Delete the target"),
        "back_url": reverse("webhook-target", args=(pk,)),
    }
    return render(request, "confirm.html", context)
