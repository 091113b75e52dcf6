"""Who may do what: users with one of three roles, and tokens that act for them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orthanc_console import tokens


class Role(models.TextChoices):
    ADMIN = "admin", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


class User(AbstractUser):
    """A person or a program. The role decides everything; Django's own permissions are not used."""

    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)

    @property
    def is_admin(self) -> bool:
        """May change the configuration: destinations, rules, nodes, users."""
        return self.is_active and self.role == Role.ADMIN

    @property
    def is_operator(self) -> bool:
        """May act on what is there: retry, cancel, send, pause, echo. Administrators may, too."""
        return self.is_active and self.role in (Role.ADMIN, Role.OPERATOR)


class ApiToken(models.Model):
    """A secret with which a program calls the API in the name of a user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def issue(
        cls, user: User, name: str, expires_at: datetime | None = None
    ) -> tuple[ApiToken, str]:
        """Make a token; returns it with its secret, which cannot be had again."""
        secret = tokens.new_secret("oct")
        token = cls.objects.create(
            user=user,
            name=name,
            digest=tokens.digest(secret),
            hint=tokens.hint(secret),
            expires_at=expires_at,
        )
        return token, secret

    @property
    def usable(self) -> bool:
        """Neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired
