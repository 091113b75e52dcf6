"""Forms of users, passwords and API tokens. Rules about accounts live in the services; forms carry their errors to the fields."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orthanc_console.accounts.models import User


def password_field(label: Any, **options: Any) -> forms.CharField:
    """A password that a manager offers to make; never stripped, never shown again."""
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, widget=widget, strip=False, **options)


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who it is and what they may do; a new user also gets a first password."""

    password = password_field(
        _("first password"),
        help_text=_(
            "At least 8 characters, not only digits, not a common one. Hand it over safely."
        ),
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "role", "is_active")
        help_texts = {
            "username": _("Letters, digits and @ . + - _"),
            "role": _(
                "A viewer reads. An operator also retries, cancels, sends, pauses and echoes. "
                "An administrator changes everything."
            ),
            "is_active": _("A deactivated user can neither sign in nor use API tokens."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password" if self.instance.pk else "is_active"]


class NewPasswordForm(forms.Form):
    """A password that an administrator sets for somebody."""

    password = password_field(_("new password"))


class OwnPasswordForm(forms.Form):
    """One's own password; the present one is asked for, so that an open screen is not enough."""

    present = forms.CharField(
        label=_("present password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        strip=False,
    )
    password = password_field(
        _("new password"), help_text=_("At least 8 characters, not only digits, not a common one.")
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_present(self) -> str:
        present: str = self.cleaned_data["present"]
        if not self.user.check_password(present):
            raise ValidationError(_("This is not your present password."))
        return present


class TokenForm(forms.Form):
    """A name by which people recognise the token later, and how long it lives."""

    name = forms.CharField(
        label=_("name"),
        max_length=100,
        help_text=_("What will use it, for example “nightly report”."),
    )
    expires_on = forms.DateField(
        label=_("expires at the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Leave it empty for a token that works until it is revoked."),
    )

    @property
    def expires_at(self) -> datetime | None:
        """The last moment of the chosen day, in the server's time zone."""
        day = self.cleaned_data["expires_on"]
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None

    def clean_expires_on(self) -> Any:
        day = self.cleaned_data["expires_on"]
        if day and day < timezone.localdate():
            raise ValidationError(_("This day is over."))
        return day
