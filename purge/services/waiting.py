"""Purging waits after a restore: what the backup says may be older than what somebody has decided since."""

from __future__ import annotations

from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.services import changing_configuration
from purge.models import PurgeSettings


def waits() -> bool:
    """Whether no policy deletes until an administrator says so."""
    return PurgeSettings.load().waits_since is not None


def words() -> str:
    """That purging waits, and what to do, in a sentence; empty when it does not."""
    if not waits():
        return ""
    return _("Purging waits since the restore: look at the policies, then let it go on.")


def go_on(actor: User) -> None:
    """Let policies delete again; what fell due meanwhile is not made up for."""
    with changing_configuration():
        if PurgeSettings.objects.filter(pk=1).exclude(waits_since=None).update(waits_since=None):
            log.record(actor, "purging.went_on", PurgeSettings.load())
