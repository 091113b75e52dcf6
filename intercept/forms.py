"""The form of a webhook target. What is right is decided by the services, the same as for the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from intercept.models import WebhookTarget
from intercept.services import targets as services
from orthanc_console.dashboard.forms import add_errors
from orthanc_console.nodes.models import Node

# What is typed once and never shown again.
SECRETS = ("password", "bearer_token", "client_key", "secret")


def _secret(label: Any, **attrs: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", **attrs})
    return forms.CharField(label=label, required=False, strip=True, widget=widget)


class TargetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A target; secrets that are left empty stay as they are."""

    headers = forms.CharField(
        label=_("headers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, as in X-Site: north. Values that are dots stay as they are."),
    )
    password = _secret(_("password"))
    bearer_token = _secret(_("bearer token"))
    secret = _secret(_("signing secret"))
    client_key = forms.CharField(
        label=_("private key"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    forget = forms.MultipleChoiceField(
        label=_("remove what is stored"), required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = WebhookTarget
        fields = (
            *("name", "mode", "on_timeout", "expression", "url", "method", "body_template"),
            *("username", "password", "bearer_token", "secret", "client_certificate"),
            *("client_key", "ca_certificates", "verify_certificate", "timeout_seconds"),
            *("enforcement", "nodes"),
        )
        widgets = {
            "mode": forms.RadioSelect,
            "method": forms.RadioSelect,
            "expression": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "body_template": forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
            "client_certificate": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "ca_certificates": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "nodes": forms.CheckboxSelectMultiple,
        }
        help_texts = {
            "expression": _('For example: TargetAET == "ARCHIVE" and Level == "STUDY"'),
            "url": _("As Orthanc's server reaches it. May have placeholders behind the server."),
            "body_template": _("Empty sends the JSON document of the handbook."),
            "timeout_seconds": _(
                "1 to 30. A C-MOVE waits 3 seconds at most, whatever stands here."
            ),
            "client_certificate": _("PEM, with what leads up to its authority."),
            "ca_certificates": _("PEM. Empty trusts the authorities of Orthanc's server."),
            "enforcement": _("A dry run records what would be told, and tells and asks nobody."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("mode", "method"):
            field = self.fields[name]
            field.choices = [each for each in field.choices if each[0]]  # type: ignore[attr-defined]
        self.stored = {name: getattr(self.instance, name) for name in SECRETS}
        kept = [name for name in SECRETS if self.stored[name]]
        for name in kept:
            self.fields[name].help_text = _("Leave it empty to keep the present one.")
        self.fields["forget"].choices = [  # type: ignore[attr-defined]
            (name, self.fields[name].label) for name in kept if name != "secret"
        ]
        if not self.instance.pk:
            self.fields["secret"].help_text = _("Leave it empty to have one made.")
        for name in SECRETS:
            self.initial.pop(name, None)
        shown = services.shown_headers(self.instance)
        self.initial["headers"] = "\n".join(f"{name}: {value}" for name, value in shown.items())

    def clean_headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["headers"].splitlines():
            if line.strip():
                name, colon, value = line.partition(":")
                if not colon:
                    raise ValidationError(_("Write each header as Name: value, one a line."))
                found[name.strip()] = value.strip()
        return found

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        forgotten = values.get("forget") or []
        for name in SECRETS:
            if not values.get(name):
                values[name] = "" if name in forgotten else self.stored[name]
        if "headers" in values:
            try:
                services.set_headers(self.instance, values["headers"])
            except ValidationError as error:
                add_errors(self, error)
        return values

    @property
    def nodes(self) -> list[Node]:
        return list(self.cleaned_data["nodes"])
