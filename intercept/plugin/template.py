"""Placeholders in the address and the body of a webhook: `{study_uid}` becomes the value, encoded for its place.

The console checks templates with this module, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# What a template may name; the first two are those of the scripts that this replaces.
NAMES = (
    *("study_uid", "target_aet", "series_uid", "sop_uid", "patient_id", "accession_number"),
    *("level", "source_aet", "originator_aet", "originator_id", "remote_ip"),
    *("request_id", "received_at", "node", "type"),
)


class BadTemplate(ValueError):
    """The template cannot be used; the message is a sentence."""


def check_url(template: str) -> None:
    """Check the template of an address.

    Raises:
        BadTemplate: no http or https address, a name that is unknown, or a placeholder that could change the server.
    """
    if re.search(r"[\x00-\x20\x7f]", template):
        raise BadTemplate("An address has neither spaces nor control characters.")
    try:
        parts = urlsplit(template)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise BadTemplate("This is no http or https address.")
    if "@" in parts.netloc:
        raise BadTemplate(
            "Write user name and password into their own fields, not into the address."
        )
    if parts.fragment:
        raise BadTemplate("What follows # is never sent; leave it out.")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise BadTemplate("The server must be written out; placeholders can stand behind it.")
    _check_names(template)


def check_body(template: str) -> None:
    """Check the template of a JSON body.

    Raises:
        BadTemplate: a name that is unknown, or what comes out is not JSON.
    """
    _check_names(template, strict=False)
    try:
        json.loads(body(template, dict.fromkeys(NAMES, 'x"\\')))
    except ValueError as error:
        raise BadTemplate(
            f"With values filled in, this is not JSON: {error}. Placeholders of texts stand inside quotes."
        ) from error


def url(template: str, values: Mapping[str, object]) -> str:
    """The address with values, each percent-encoded in full (RFC 3986), so that none can add a parameter."""
    return _fill(template, values, lambda text: quote(text, safe=""))


def body(template: str, values: Mapping[str, object]) -> str:
    """The body with values, each as the inside of a JSON string."""
    return _fill(template, values, lambda text: json.dumps(text)[1:-1])


def _fill(template: str, values: Mapping[str, object], encode: Callable[[str], str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return encode(str(values[name])) if name in values else match[0]

    return _PLACEHOLDER.sub(value, template)


def _check_names(template: str, strict: bool = True) -> None:
    unknown = sorted(set(_PLACEHOLDER.findall(template)) - set(NAMES))
    if unknown:
        raise BadTemplate(
            f"There is no placeholder {', '.join(f'{{{each}}}' for each in unknown)}. Known are "
            f"{', '.join(f'{{{each}}}' for each in NAMES)}."
        )
    if strict and re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        raise BadTemplate("A brace belongs to a placeholder, such as {study_uid}.")
