"""The form of a node: its name is all that a person decides."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class NodeForm(forms.Form):
    name = forms.CharField(
        label=_("name"),
        max_length=64,
        help_text=_("How you call this Orthanc, for example “main” or “CT department”."),
    )
