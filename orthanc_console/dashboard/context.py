"""What every page shows around itself: the rail with its links, and which of them is the present page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orthanc_console.accounts.models import User
from orthanc_console.version import VERSION


class Link(NamedTuple):
    """One entry of the rail; `prefixes` are the beginnings of the URL names that belong to it."""

    name: str
    words: Promise
    icon: str
    prefixes: tuple[str, ...]
    admin: bool = False


RAIL: tuple[tuple[Promise | None, tuple[Link, ...]], ...] = (
    (None, (Link("overview", _("Overview"), "layout-dashboard", ("overview",)),)),
    (
        _("Watch"),
        (
            Link("studies", _("Studies"), "folders", ("stud",)),
            Link("deliveries", _("Deliveries"), "send", ("deliver", "act")),
            Link("lanes", _("Lanes"), "arrows-split-2", ("lane",)),
            Link("moves", _("C-MOVEs"), "arrows-exchange", ("move", "webhook-deliver")),
            Link("purges", _("Purge runs"), "trash", ("purge",)),
        ),
    ),
    (
        _("Configure"),
        (
            Link("destinations", _("Destinations"), "map-pin", ("destination",)),
            Link("rules", _("Rules"), "route", ("rule",)),
            Link("webhook-targets", _("Webhooks"), "webhook", ("webhook-target",)),
            Link("policies", _("Purge policies"), "calendar-off", ("polic",)),
        ),
    ),
    (
        _("Administer"),
        (
            Link("nodes", _("Nodes"), "server", ("node",)),
            Link("users", _("Users"), "users", ("user",), admin=True),
            Link("audit", _("Audit trail"), "history", ("audit",)),
            Link("retention", _("Retention"), "archive", ("retention",), admin=True),
        ),
    ),
)


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Context of the frame around each page."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"version": VERSION}
    name = request.resolver_match.url_name or "" if request.resolver_match else ""
    groups = [
        {
            "title": title,
            "links": [
                {"link": link, "current": name.startswith(link.prefixes)}
                for link in links
                if user.is_admin or not link.admin
            ],
        }
        for title, links in RAIL
    ]
    return {"version": VERSION, "rail": groups}
