from __future__ import annotations

from django import forms

from orthanc_console.keeping.models import RetentionSettings
from orthanc_console.keeping.retention import FIELDS


class RetentionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Days for each kind of history; empty means for ever."""

    class Meta:
        model = RetentionSettings
        fields = FIELDS
