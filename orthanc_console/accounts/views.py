"""Log-in, one's own account, and the administration of users."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orthanc_console.accounts import services
from orthanc_console.accounts.access import SignedInRequest, admin_required, viewer_required
from orthanc_console.accounts.forms import (
    NewPasswordForm,
    OwnPasswordForm,
    TokenForm,
    UserForm,
)
from orthanc_console.accounts.models import User
from orthanc_console.dashboard.forms import errors_in

login = LoginView.as_view(template_name="accounts/login.html", redirect_authenticated_user=True)


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer a log-in that is refused because too many failed before it."""
    return render(request, "accounts/locked_out.html", status=429)


@viewer_required
@require_safe
def account(request: SignedInRequest) -> HttpResponse:
    return _account(request, OwnPasswordForm(request.user), TokenForm())


@viewer_required
@require_POST
def own_password(request: SignedInRequest) -> HttpResponse:
    form = OwnPasswordForm(request.user, request.POST)
    if form.is_valid():
        with errors_in(form):
            services.set_password(request.user, request.user, form.cleaned_data["password"])
            update_session_auth_hash(request, request.user)
            messages.success(
                request, _("Your password is changed. Other sessions of yours are over.")
            )
            return redirect("account")
    return _account(request, form, TokenForm())


@viewer_required
@never_cache
@require_POST
def tokens(request: SignedInRequest) -> HttpResponse:
    """Make an API token, and show it this once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account(request, OwnPasswordForm(request.user), form)
    token, secret = services.issue_token(
        request.user, request.user, form.cleaned_data["name"], form.expires_at
    )
    api = request.build_absolute_uri("/api/v1/")
    context = {"token": token, "secret": secret, "api": api}
    return render(request, "accounts/token_created.html", context)


@viewer_required
@require_POST
def token_revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(request.user.api_tokens, pk=pk)
    services.revoke_token(request.user, token)
    messages.success(
        request, _("The token “%(name)s” is refused from now on.") % {"name": token.name}
    )
    return redirect("account")


def _account(
    request: SignedInRequest, password_form: OwnPasswordForm, token_form: TokenForm
) -> HttpResponse:
    context = {
        "password_form": password_form,
        "token_form": token_form,
        "tokens": request.user.api_tokens.all(),
    }
    return render(request, "accounts/account.html", context)


@admin_required
@require_safe
def users(request: SignedInRequest) -> HttpResponse:
    return render(request, "accounts/users.html", {"users": User.objects.order_by("username")})


@admin_required
@require_http_methods(["GET", "POST"])
def user_create(request: SignedInRequest) -> HttpResponse:
    form = UserForm(request.POST or None)
    if form.is_valid():
        with errors_in(form):
            user = form.save(commit=False)
            services.create_user(request.user, user, form.cleaned_data["password"])
            messages.success(request, _("%(user)s can sign in now.") % {"user": user})
            return redirect("users")
    return render(request, "accounts/user_form.html", {"form": form})


@admin_required
@require_http_methods(["GET", "POST"])
def user_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    form = UserForm(request.POST or None, instance=person)
    if form.is_valid():
        with errors_in(form):
            services.update_user(request.user, form.save(commit=False))
            messages.success(request, _("%(user)s is saved.") % {"user": person})
            return redirect("users")
    context = {"form": form, "person": person, "password_form": NewPasswordForm()}
    return render(request, "accounts/user_form.html", context)


@admin_required
@require_POST
def user_password(request: SignedInRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    form = NewPasswordForm(request.POST)
    if form.is_valid():
        with errors_in(form):
            services.set_password(request.user, person, form.cleaned_data["password"])
            messages.success(
                request,
                _("The password of %(user)s is changed; their sessions are over.")
                % {"user": person},
            )
            return redirect("users")
    context = {"form": UserForm(instance=person), "person": person, "password_form": form}
    return render(request, "accounts/user_form.html", context)
