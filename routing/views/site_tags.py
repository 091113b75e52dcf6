"""The names that the site gives to private tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from orthanc_console.accounts.access import SignedInRequest, admin_required
from orthanc_console.dashboard.forms import errors_in
from routing.models import SiteTag
from routing.services import site_tags as services


class SiteTagForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SiteTag
        fields = ("name", "group", "creator", "element", "type", "many", "description")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        # The model looks at the digits next, in the form in which the service stores them.
        return {**values, **{name: values.get(name, "").lower() for name in ("group", "element")}}


@admin_required
@require_http_methods(["GET", "POST"])
def site_tags(request: SignedInRequest) -> HttpResponse:
    form = SiteTagForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_in(form):
            tag = services.create(request.user, form.save(commit=False))
            words = _("Rules can now read %(name)s. Nodes read it as soon as a rule uses it.")
            messages.success(request, words % {"name": tag})
            return redirect("site-tags")
    return render(request, "rules/site_tags.html", {"form": form, "tags": SiteTag.objects.all()})


@admin_required
@require_POST
def site_tag_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    tag = get_object_or_404(SiteTag, pk=pk)
    try:
        services.delete(request.user, tag)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("%(name)s is no longer a name for rules.") % {"name": tag})
    return redirect("site-tags")
