"""Forms of destinations and rules. What is right is decided by the services, the same as for the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orthanc_console.dashboard.forms import add_errors
from orthanc_console.nodes.models import Node
from routing.models import Destination, Rule
from routing.models.destination import Source
from routing.services import destinations as destination_services

OWN = ("name", "kind", "aet", "host", "port", "url", "username", "password", "nodes")
SHARED = ("enabled", "verify", "max_in_flight", "hours")


class DestinationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A destination; of one that was found in Orthanc, only what the console decides about it."""

    password = forms.CharField(
        label=_("password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    forget_password = forms.BooleanField(label=_("remove the stored password"), required=False)

    class Meta:
        model = Destination
        fields = (*OWN, *SHARED)
        widgets = {"kind": forms.RadioSelect, "nodes": forms.CheckboxSelectMultiple}
        help_texts = {
            "name": _("Letters, digits, hyphens and underscores: Orthanc's own name for it."),
            "aet": _("Upper and lower case differ."),
            "port": _("Often 104, 11112 or 4242."),
            "enabled": _("Switched off, what rules send there is held."),
            "verify": _(
                "How the destination is asked whether it has everything. Storage commitment is for modalities; peers and "
                "DICOMweb servers compare every instance even where only a count is asked for."
            ),
            "hours": _(
                "Like: mon-fri 22:00-06:00, sat 00:00-24:00. Empty means always. By the clock of Orthanc's server."
            ),
            "max_in_flight": _(
                "1 to 16. Orthanc itself works on 2 unless ConcurrentJobs says more."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django offers a choice of nothing first where a field has no default.
        self.fields["kind"].choices = self.fields["kind"].choices[-3:]  # type: ignore[attr-defined]
        if self.instance.source == Source.ORTHANC:
            for name in (*OWN, "forget_password"):
                del self.fields[name]
        elif self.instance.password:
            self.fields["password"].help_text = _("Leave it empty to keep the present one.")
        else:
            del self.fields["forget_password"]
        self.stored_password = self.instance.password

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if "password" in self.fields and not values.get("password"):
            values["password"] = "" if values.get("forget_password") else self.stored_password
        instance = self.instance if self.instance.pk else None
        try:
            destination_services.validate(values, instance)
        except ValidationError as error:
            # What a field refused already needs no second message about its emptiness.
            fresh = {
                field: errors
                for field, errors in error.error_dict.items()
                if field not in self.errors
            }
            if fresh:
                add_errors(self, ValidationError(fresh))
        return values


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule; the expression is checked by the language when it is saved."""

    reason = forms.CharField(
        label=_("why"),
        required=False,
        max_length=200,
        help_text=_("One sentence for the list of revisions; may stay empty."),
    )
    # Which revision was on the screen: saving over somebody else's change is refused.
    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Rule
        fields = (
            *("name", "expression", "destinations", "enforcement", "level", "late_arrivals"),
            *("priority", "stop_on_match", "nodes"),
        )
        widgets = {
            "expression": forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
            "destinations": forms.CheckboxSelectMultiple,
            "nodes": forms.CheckboxSelectMultiple,
        }
        help_texts = {
            "expression": _(
                'For example: Modality in ["CT", "MR"] and StudyDate > $today - t"P30D"'
            ),
            "enforcement": _("A dry run decides and records, and sends nothing."),
            "priority": _(
                "Urgent goes an hour before what came at the same time, low an hour after it; nothing waits for ever."
            ),
            "stop_on_match": _("The rules below are then not asked about that study."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = Destination.objects.filter(gone_at=None).order_by("name", "kind")
        chosen = self.instance.destinations.all() if self.instance.pk else known.none()
        self.fields["destinations"].queryset = (known | chosen).distinct()  # type: ignore[attr-defined]
        self.fields["destinations"].required = False
        if self.instance.pk:
            self.initial["seen_revision"] = self.instance.revision

    def clean_seen_revision(self) -> int | None:
        seen: int | None = self.cleaned_data["seen_revision"]
        if not self.instance.pk or seen is None:
            return seen
        current = Rule.objects.values_list("revision", flat=True).get(pk=self.instance.pk)
        if seen != current:
            raise ValidationError(
                _(
                    "Somebody saved revision %(number)d of this rule meanwhile. Copy what you need, and open it again."
                )
                % {"number": current}
            )
        return seen

    @property
    def nodes(self) -> list[Node]:
        return list(self.cleaned_data["nodes"])


class DestinationChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, destination: Destination) -> str:
        return f"{destination.name} · {destination.get_kind_display()}"


class SendForm(forms.Form):
    """Where to send studies by hand."""

    destination = DestinationChoice(
        Destination.objects.filter(enabled=True, gone_at=None),
        label=_("send to"),
        empty_label=_("choose a destination"),
    )
