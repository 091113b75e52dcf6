"""What the settings of Orthanc that a node reports mean for forwarding, as sentences."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Setting(NamedTuple):
    """A setting as its page shows it; `words` is empty where there is nothing to say."""

    name: str
    value: str
    words: Promise | str


WORDS: dict[str, Promise] = {
    "StableAge": _("seconds without a new image after which a study counts as complete"),
    "ConcurrentJobs": _(
        "jobs that Orthanc runs at the same time, for all destinations together; with 8, two slow ones hold up no other"
    ),
    "JobsHistorySize": _(
        "ended jobs that Orthanc remembers; with 1000, a busy minute pushes none out before its end was seen"
    ),
    "SharesIndex": _(
        "other Orthancs may use the same index, so each study is claimed before it is forwarded"
    ),
    "SaveJobs": _("whether jobs under way outlive a restart"),
}
NO_DELAY = _(
    "Orthanc sends each piece of DICOM at once. A destination that does not do the same still answers each image some 40 ms late."
)
DELAY = _(
    "Orthanc waits for the answer to a small piece before it sends the next, some 40 ms for each image. Leave TcpNoDelay of "
    "OrthancConsole on."
)


def settings_of(status: dict[str, Any]) -> list[Setting]:
    """The settings in a node's status; the console takes whatever it sends."""
    settings = status.get("settings")
    if not isinstance(settings, dict):
        return []
    return [Setting(name, _value(value), _words(name, value)) for name, value in settings.items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _words(name: str, value: Any) -> Promise | str:
    if name == "TcpNoDelay":
        return NO_DELAY if value is True else DELAY
    return WORDS.get(name, "")
