"""How each state looks: always an icon, a word and a tone together, so that no meaning hangs on colour alone."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Status(NamedTuple):
    """One state as people see it. `tone` is one of ok, busy, warn, bad, calm."""

    icon: str
    word: Promise | str
    tone: str


STATUSES: dict[str, dict[str, Status]] = {
    "delivery": {
        "waiting": Status("clock", _("Waiting"), "calm"),
        "sending": Status("arrow-up-right", _("Sending"), "busy"),
        "delivered": Status("check", _("Delivered"), "ok"),
        "verified": Status("checks", _("Verified"), "ok"),
        "failed": Status("alert-triangle", _("Failed"), "bad"),
        "cancelled": Status("ban", _("Cancelled"), "calm"),
        "skipped": Status("player-skip-forward", _("Skipped"), "calm"),
        "held": Status("player-pause", _("Held"), "warn"),
    },
    "attempt": {
        "running": Status("arrow-up-right", _("Running"), "busy"),
        "succeeded": Status("check", _("Succeeded"), "ok"),
        "failed": Status("alert-triangle", _("Failed"), "bad"),
        "lost": Status("help-circle", _("Lost"), "warn"),
    },
    "node": {
        "online": Status("circle-check", _("Online"), "ok"),
        "offline": Status("alert-triangle", _("Offline"), "bad"),
        "new": Status("clock", _("Waiting for its first call"), "calm"),
        "revoked": Status("lock", _("Token revoked"), "warn"),
    },
    "health": {
        "ok": Status("circle-check", _("Working"), "ok"),
        "failing": Status("alert-triangle", _("Failing"), "bad"),
        "unknown": Status("help-circle", _("Not used yet"), "calm"),
        "no_echo": Status("alert-triangle", _("Echo failed"), "bad"),
        "paused": Status("player-pause", _("Paused"), "warn"),
        "disabled": Status("circle-off", _("Switched off"), "calm"),
        "gone": Status("unlink", _("No longer in Orthanc"), "warn"),
    },
    "lane": {
        "idle": Status("circle-check", pgettext_lazy("lane", "Idle"), "calm"),
        "sending": Status("arrow-up-right", _("Sending"), "busy"),
        "waiting": Status("clock", _("Waiting"), "calm"),
        "failing": Status("alert-triangle", _("Failing"), "bad"),
        "held": Status("player-pause", _("Held"), "warn"),
    },
    "purge_run": {
        "requested": Status("clock", _("Asked for"), "calm"),
        "planning": Status("list-search", _("Planning"), "busy"),
        "held": Status("player-pause", _("Held"), "warn"),
        "running": Status("trash", _("Deleting"), "busy"),
        "done": Status("circle-check", _("Done"), "ok"),
        "cancelled": Status("ban", _("Cancelled"), "calm"),
        "refused": Status("alert-triangle", _("Refused"), "bad"),
        "skipped": Status("player-skip-forward", _("Skipped"), "warn"),
    },
    "purge_study": {
        "planned": Status("clock", _("Planned"), "warn"),
        "deleted": Status("trash", _("Deleted"), "ok"),
        "kept": Status("shield-check", _("Kept"), "calm"),
        "failed": Status("alert-triangle", _("Failed"), "bad"),
    },
    "move": {
        "running": Status("arrow-up-right", _("Under way"), "busy"),
        "sent": Status("check", _("Sent"), "ok"),
        "queued": Status("clock", _("Sent in the background"), "ok"),
        "replaced": Status("webhook", _("Replaced by a webhook"), "ok"),
        "refused": Status("ban", _("Refused by a webhook"), "warn"),
        "failed": Status("alert-triangle", _("Failed"), "bad"),
        "cancelled": Status("ban", _("Cancelled"), "calm"),
        "interrupted": Status("unlink", _("Interrupted"), "bad"),
    },
    "webhook": {
        "waiting": Status("clock", _("Waiting"), "calm"),
        "delivered": Status("check", _("Delivered"), "ok"),
        "refused": Status("ban", _("Answered no"), "warn"),
        "failed": Status("alert-triangle", _("Failed"), "bad"),
        "skipped": Status("player-skip-forward", _("Skipped"), "calm"),
    },
    "webhook_mode": {
        "notify": Status("bell", _("Notify"), "calm"),
        "gate": Status("lock", _("Gate"), "calm"),
        "replace": Status("replace", _("Replace"), "calm"),
    },
    "enforcement": {
        "active": Status("circle-check", _("Active"), "ok"),
        "dry_run": Status("flask", _("Dry run"), "warn"),
        "disabled": Status("circle-off", _("Disabled"), "calm"),
    },
    "decision": {
        "match": Status("check", _("Matched"), "ok"),
        "no_match": Status("minus", _("Did not match"), "calm"),
        "undecided": Status("help-circle", _("Could not be decided"), "warn"),
    },
    "condition": {
        "match": Status("check", pgettext_lazy("condition", "True"), "ok"),
        "no_match": Status("x", pgettext_lazy("condition", "False"), "calm"),
        "undecided": Status("help-circle", _("Undecided"), "warn"),
    },
    "result": {
        "ok": Status("circle-check", pgettext_lazy("result", "Answered"), "ok"),
        "failed": Status("alert-triangle", pgettext_lazy("result", "No answer"), "bad"),
    },
    "user": {
        "active": Status("circle-check", _("Active"), "ok"),
        "inactive": Status("circle-off", _("Deactivated"), "calm"),
    },
    "token": {
        "usable": Status("circle-check", _("Usable"), "ok"),
        "expired": Status("clock", _("Expired"), "calm"),
        "revoked": Status("lock", _("Revoked"), "calm"),
    },
}


def status_of(kind: str, value: str) -> Status:
    """Look a state up; an unknown one (a newer plugin's) is shown by its own name, never hidden."""
    known = STATUSES[kind].get(value)
    return known or Status("help-circle", value.replace("_", " ").capitalize() or "?", "calm")
