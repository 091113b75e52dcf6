"""Forms of policies and settings. What is right is decided by the services, the same as for the API."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orthanc_console.nodes.models import Node
from purge.models import PurgePolicy, PurgeSettings
from purge.models.policy import GIGABYTE
from routing.models import Destination

ONE_A_LINE = _("One a line.")


class LabelsField(forms.CharField):
    """A list of labels, one a line."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (super().to_python(value) or "").splitlines()
        return [line.strip() for line in lines if line.strip()]


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A purge policy. Bytes are shown as gigabytes."""

    keep_labels = LabelsField(label=_("labels that protect"), required=False, help_text=ONE_A_LINE)
    gigabytes_per_run = forms.DecimalField(
        label=_("gigabytes a run"),
        min_value=0.001,
        max_value=10**9,
        max_digits=12,
        decimal_places=3,
    )
    # Which revision was on the screen: saving over somebody else's change is refused.
    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = PurgePolicy
        fields = (
            *("name", "enforcement", "expression", "older_than_days", "age_basis", "undated"),
            *("min_days_since_received", "keep_labels", "require_delivered_to", "nodes"),
            *("schedule", "time_zone", "missed", "max_studies_per_run", "studies_per_minute"),
            *("hold_minutes", "needs_approval", "watermark_start", "watermark_stop"),
        )
        widgets = {
            "expression": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "age_basis": forms.RadioSelect,
            "undated": forms.RadioSelect,
            "missed": forms.RadioSelect,
            "require_delivered_to": forms.CheckboxSelectMultiple,
            "nodes": forms.CheckboxSelectMultiple,
            "time_zone": forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
            "schedule": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }
        help_texts = {
            "enforcement": _("A dry run plans and records, and deletes nothing."),
            "expression": _(
                'The language of the rules; true means every study. Example: Modality == "US"'
            ),
            "older_than_days": _("A study of exactly this age by its date is not older yet."),
            "min_days_since_received": _(
                "Kept for so long after its last image came, whatever its age."
            ),
            "require_delivered_to": _(
                "Each of these must have every image; they are asked if need be."
            ),
            "schedule": _(
                "Minute, hour, day, month, weekday. Every night at two: 0 2 * * *. Empty: only by hand."
            ),
            "max_studies_per_run": _("The oldest go first; the next run takes the rest."),
            "studies_per_minute": _(
                "So that Orthanc stays quick for others; 0 means as fast as it goes."
            ),
            "hold_minutes": _("Time to look at a planned run and cancel it."),
            "watermark_start": _("Empty: whatever the disk has free."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = Destination.objects.filter(gone_at=None).order_by("name", "kind")
        self.fields["require_delivered_to"].queryset = known  # type: ignore[attr-defined]
        bytes_per_run = self.instance.max_bytes_per_run
        self.initial.setdefault("gigabytes_per_run", round(bytes_per_run / GIGABYTE, 3))
        if self.instance.pk:
            self.initial["seen_revision"] = self.instance.revision

    @property
    def time_zones(self) -> list[str]:
        return sorted(available_timezones())

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("gigabytes_per_run"):
            self.instance.max_bytes_per_run = int(values["gigabytes_per_run"] * GIGABYTE)
        return values

    def clean_seen_revision(self) -> int | None:
        seen: int | None = self.cleaned_data["seen_revision"]
        if not self.instance.pk or seen is None:
            return seen
        current = PurgePolicy.objects.values_list("revision", flat=True).get(pk=self.instance.pk)
        if seen != current:
            message = _(
                "Somebody saved revision %(number)d of this policy meanwhile. Open it again."
            )
            raise ValidationError(message % {"number": current})
        return seen

    @property
    def chosen(self) -> dict[str, list[Any]]:
        """The related objects, as the service takes them."""
        names = ("nodes", "require_delivered_to")
        return {name: list(self.cleaned_data[name]) for name in names}


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What holds for all purging."""

    keep_labels = LabelsField(
        label=_("labels that protect from the route"), required=False, help_text=ONE_A_LINE
    )

    class Meta:
        model = PurgeSettings
        fields = ("endpoint_enabled", "keep_labels", "history_days")


class RunForm(forms.Form):
    """Running now is confirmed by typing the policy's name."""

    name = forms.CharField(label=_("name of the policy"), max_length=100)
    nodes = forms.ModelMultipleChoiceField(
        Node.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label=_("nodes")
    )

    def __init__(self, *args: Any, policy: PurgePolicy, nodes: list[Node], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = policy
        self.fields["nodes"].queryset = Node.objects.filter(pk__in=[n.pk for n in nodes])  # type: ignore[attr-defined]
        self.fields["nodes"].help_text = _("None chosen means all of these.")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self._policy.name:
            raise ValidationError(_("Type the name exactly as it stands above."))
        return name
