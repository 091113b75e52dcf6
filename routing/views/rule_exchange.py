"""Rules and destinations as a file: download, and import after a look at the differences."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from orthanc_console.accounts.access import SignedInRequest, admin_required
from routing import exchange
from routing.exchange.reading import LONGEST


@admin_required
@require_safe
def rules_export(request: SignedInRequest) -> HttpResponse:
    day = timezone.localdate().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="orthanc-console-rules-{day}.yaml"'}
    return HttpResponse(exchange.write(), content_type="application/yaml", headers=headers)


@admin_required
@require_http_methods(["GET", "POST"])
def rule_exchange(request: SignedInRequest) -> HttpResponse:
    """Take a file, show what it would change, and bring it in when that is confirmed."""
    context: dict[str, Any] = {"text": "", "delete": "delete" in request.POST}
    if request.method != "POST":
        return render(request, "rules/exchange.html", context)
    context["text"] = text = _text(request)
    try:
        document = exchange.read(text)
        if "apply" in request.POST:
            report = exchange.bring_in(request.user, document, delete=context["delete"])
            messages.success(request, _summary(report))
            return redirect("rules")
        context["report"] = exchange.preview(request.user, document, delete=context["delete"])
    except exchange.ImportProblem as error:
        context["problems"] = error.problems
    return render(request, "rules/exchange.html", context)


def _text(request: SignedInRequest) -> str:
    uploaded = request.FILES.get("file")
    if uploaded is None:
        return request.POST.get("text", "")
    content: bytes = uploaded.read(LONGEST + 1)
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _summary(report: exchange.Report) -> str:
    done = [change.done for change in report.changes]
    return _("Imported: %(created)d created, %(changed)d changed, %(deleted)d deleted.") % {
        name: done.count(name) for name in ("created", "changed", "deleted")
    }
