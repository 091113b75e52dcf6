"""`Authorization: Bearer` for programs that call the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from orthanc_console import tokens
from orthanc_console.accounts.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.views import APIView

USE_IS_NOTED_EVERY = timedelta(minutes=1)


class FailedTokenThrottle(SimpleRateThrottle):
    """Counts wrong tokens by address; a right token is never held up by somebody else's wrong ones."""

    scope = "failed_token"

    def get_cache_key(self, request: Request, view: APIView | None) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class ApiTokenAuthentication(BaseAuthentication):
    """The user whose API token the request carries."""

    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the user and the token, or None for a request without a bearer token.

        Raises:
            AuthenticationFailed: unknown, revoked or expired token, or a deactivated user.
            Throttled: too many wrong tokens came from this address.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword:
            return None
        token = _usable_token(words[1]) if len(words) == 2 else None
        if token is None:
            throttle = FailedTokenThrottle()
            if not throttle.allow_request(request, None):  # type: ignore[arg-type]
                raise Throttled(throttle.wait())
            raise AuthenticationFailed(_("This token is unknown, expired or revoked."))
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _usable_token(secret: bytes) -> ApiToken | None:
    digest = tokens.digest(secret.decode("latin-1"))
    token = ApiToken.objects.select_related("user").filter(digest=digest).first()
    return token if token is not None and token.usable and token.user.is_active else None


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    ApiToken.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lt=now - USE_IS_NOTED_EVERY), pk=token.pk
    ).update(last_used_at=now)


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiTokenAuthentication
    name = "ApiToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
