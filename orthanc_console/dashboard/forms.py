"""What forms of all pages share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


def add_errors(form: forms.BaseForm, error: ValidationError) -> None:
    """Show what a service refused at the fields that it named; what names no field of the form, on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        known = name if name in form.fields and name != NON_FIELD_ERRORS else None
        form.add_error(known, errors)


@contextmanager
def errors_in(form: forms.BaseForm) -> Iterator[None]:
    """Turn a service's refusal into errors of the form, so that nothing that was typed is lost."""
    try:
        yield
    except ValidationError as error:
        add_errors(form, error)
