"""What became of something that was asked for many at once."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from orthanc_console.accounts.access import SignedInRequest, viewer_required
from orthanc_console.dashboard.live import render_live
from orthanc_console.dashboard.wording import grouped
from routing.models import Act
from routing.models.act import Verb
from routing.services import acts


@viewer_required
@require_safe
def act(request: SignedInRequest, pk: UUID) -> HttpResponse:
    act = get_object_or_404(Act.objects.select_related("destination"), pk=pk)
    context = {"act": act, "title": _title(act), "outcome": acts.outcome(act)}
    return render_live(request, "acts/detail.html", "acts/detail_part.html", context)


def _title(act: Act) -> str:
    values = {"count": grouped(act.asked), "destination": act.destination_name}
    words = {
        Verb.RETRY: ngettext("Retry %(count)s delivery", "Retry %(count)s deliveries", act.asked),
        Verb.CANCEL: ngettext(
            "Cancel %(count)s delivery", "Cancel %(count)s deliveries", act.asked
        ),
        Verb.SEND: ngettext(
            "Send %(count)s study to %(destination)s",
            "Send %(count)s studies to %(destination)s",
            act.asked,
        ),
    }
    return words[Verb(act.verb)] % values
