"""The page that says for how long history is kept, and what went last."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from orthanc_console.accounts.access import SignedInRequest, admin_required
from orthanc_console.dashboard.forms import errors_in
from orthanc_console.keeping import retention
from orthanc_console.keeping.forms import RetentionForm
from orthanc_console.keeping.kinds import KINDS
from orthanc_console.keeping.models import RetentionSettings
from purge.models import PurgeSettings


@admin_required
@require_http_methods(["GET", "POST"])
def retention_settings(request: SignedInRequest) -> HttpResponse:
    settings = RetentionSettings.load()
    form = RetentionForm(request.POST or None, instance=settings)
    if form.is_valid():
        with errors_in(form):
            retention.save_settings(request.user, form.save(commit=False))
            messages.success(request, _("The settings are saved."))
            return redirect("retention")
    last = RetentionSettings.load()
    context = {
        "form": form,
        "last": last,
        "late": last.late(timezone.now()),
        "removed": [(words, n) for name, words in _words(form) if (n := last.removed.get(name))],
        "purge_days": PurgeSettings.load().history_days,
    }
    return render(request, "keeping/retention.html", context)


def _words(form: RetentionForm) -> list[tuple[str, Any]]:
    """Each kind of history and what it is called."""
    labels = {name: form.fields[name].label for name in form.fields}
    return [(kind.name, labels.get(f"{kind.name}_days", _("purge runs"))) for kind in KINDS]
