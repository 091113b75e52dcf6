"""The versions of a rule: looking at one, going back to it, and making another rule like it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orthanc_console.accounts.access import SignedInRequest, admin_required, viewer_required
from routing.models import Rule, RuleRevision
from routing.revisions import differences
from routing.services import revisions as services
from routing.services import rules


@viewer_required
@require_safe
def revision(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """A rule as it was, what that version changed, and how it differs from today's."""
    found = get_object_or_404(RuleRevision.objects.select_related("rule"), rule=pk, number=number)
    previous = found.rule.revisions.filter(number__lt=number).first()
    newest = found.rule.revisions.first()
    context = {
        "rule": found.rule,
        "revision": found,
        "parsed": rules.check(found.content.get("expression", "")),
        "changed": differences(previous.content, found.content) if previous else [],
        "previous": previous,
        "since": differences(found.content, newest.content) if newest else [],
        "newest": newest,
    }
    return render(request, "rules/revision.html", context)


@admin_required
@require_POST
def rule_revert(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    found = get_object_or_404(RuleRevision.objects.select_related("rule"), rule=pk, number=number)
    try:
        saved = services.revert(request.user, found.rule, found)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("rule-revision", pk=pk, number=number)
    words = _("“%(name)s” is again as in revision %(old)d; that is saved as revision %(new)d.")
    values = {"name": saved, "old": number, "new": saved.revision}
    messages.success(request, words % values)
    return redirect("rule", pk=pk)


@admin_required
@require_POST
def rule_duplicate(request: SignedInRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(Rule, pk=pk)
    try:
        made = services.duplicate(request.user, rule)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("rule", pk=pk)
    messages.success(
        request, _("This is a disabled copy of “%(name)s”. Change what it is for.") % {"name": rule}
    )
    return redirect("rule-edit", pk=made.pk)
