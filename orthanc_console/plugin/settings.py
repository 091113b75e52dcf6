"""What Orthanc's configuration and the environment tell the plugin."""

from __future__ import annotations

import hashlib
import platform
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECTION = "OrthancConsole"
TAKE_OVER_AFTER = 60.0
SHORTEST_TAKE_OVER = 3.0
KNOWN = {
    "Url",
    "Token",
    "StateDirectory",
    "InterceptMove",
    "TcpNoDelay",
    "TakeOverAfter",
    "CaFile",
    "AlsoLoad",
}
# Sections of Orthanc's database plugins that let several Orthancs use one index.
INDEX_PLUGINS = ("PostgreSQL", "MySQL")


@dataclass(frozen=True)
class Settings:
    """Settings of the plugin.

    Attributes:
        take_over_after: seconds of silence after which another Orthanc on a shared index takes over what this one has claimed.
        problems: by warning code, a sentence for each setting that cannot be used.
    """

    url: str
    token: str
    state_directory: Path
    ca_file: str = ""
    tcp_no_delay: bool = True
    intercept_move: bool = False
    take_over_after: float = TAKE_OVER_AFTER
    also_load: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def read(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Read the section `OrthancConsole`; ORTHANC_CONSOLE_URL, _TOKEN and _STATE in the environment win over it.

    Args:
        configuration: Orthanc's whole configuration, as the user wrote it.
        environment: the environment of the process.

    Never raises: what cannot be used is replaced by something harmless and named in `problems`, because an exception at
    import would keep Orthanc from starting.
    """
    problems: dict[str, str] = {}
    section = _section(configuration, problems)
    # A token or an address that was put through a JSON parser may have become a number.
    url = environment.get("ORTHANC_CONSOLE_URL") or str(section.get("Url", ""))
    token = environment.get("ORTHANC_CONSOLE_TOKEN") or str(section.get("Token", ""))
    state = environment.get("ORTHANC_CONSOLE_STATE") or str(section.get("StateDirectory", ""))
    if problem := _url_problem(url):
        problems["console_url"] = problem
    if problem := _token_problem(token.strip()):
        problems["console_token"] = problem
    ca_file = str(section.get("CaFile", ""))
    if ca_file and (problem := _ca_file_problem(ca_file)):
        problems["ca_file"] = problem
        ca_file = ""
    also_load = _paths(section.get("AlsoLoad", []))
    if also_load is None:
        problems["also_load"] = (
            '"AlsoLoad" must be the path of a script, or a list of paths. None was loaded.'
        )
    return Settings(
        url=url.rstrip("/"),
        token=token.strip(),
        state_directory=Path(state) if state else _default_state_directory(configuration, problems),
        ca_file=ca_file,
        tcp_no_delay=section.get("TcpNoDelay", True) is not False,
        intercept_move=section.get("InterceptMove", False) is True,
        take_over_after=_take_over_after(section, problems),
        also_load=also_load or (),
        problems=problems,
    )


def _section(configuration: Mapping[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    section = configuration.get(SECTION, {})
    if not isinstance(section, dict):
        problems["settings"] = f'"{SECTION}" in Orthanc\'s configuration must be an object.'
        return {}
    unknown = sorted(set(section) - KNOWN)
    if unknown:
        problems["settings"] = (
            f'Unknown settings in "{SECTION}": {", ".join(unknown)}. Known are {", ".join(sorted(KNOWN))}.'
        )
    return section


def _paths(value: Any) -> tuple[str, ...] | None:
    """One path or several as a tuple; None for anything else."""
    paths = value if isinstance(value, list) else [value]
    return tuple(paths) if all(isinstance(path, str) for path in paths) else None


def _url_problem(url: str) -> str:
    if not url:
        return (
            f'No console address: set "{SECTION}": {{"Url": "http://console:8000"}} or ORTHANC_CONSOLE_URL. '
            "Nothing is forwarded until the plugin has a configuration."
        )
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    return "" if valid else f'The console address "{url}" is not an http or https address.'


def _token_problem(token: str) -> str:
    if not token:
        return (
            f'No node token: set "{SECTION}": {{"Token": ...}} or ORTHANC_CONSOLE_TOKEN. '
            "The console makes one under Nodes, Add a node."
        )
    if not (token.isascii() and token.isprintable()):
        return "The node token has characters that no token has. Copy it again from the console."
    return ""


def _ca_file_problem(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        return f'"CaFile" {path} cannot be used ({error}); the certificates of the system are used instead.'
    return ""


def _take_over_after(section: Mapping[str, Any], problems: dict[str, str]) -> float:
    value = section.get("TakeOverAfter", TAKE_OVER_AFTER)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if seconds >= SHORTEST_TAKE_OVER:
        return seconds
    problems["take_over_after"] = (
        f'"TakeOverAfter" is {value!r}: it must be a number of seconds, {SHORTEST_TAKE_OVER:.0f} or more. '
        f"{TAKE_OVER_AFTER:.0f} seconds are used instead."
    )
    return TAKE_OVER_AFTER


def may_share_index(configuration: Mapping[str, Any]) -> bool:
    """Whether other Orthancs may use the same index: a database plugin keeps them out unless its `Lock` is false."""
    sections = (configuration.get(name) for name in INDEX_PLUGINS)
    return any(
        isinstance(section, dict)
        and section.get("EnableIndex") is True
        and section.get("Lock") is False
        for section in sections
    )


def _default_state_directory(configuration: Mapping[str, Any], problems: dict[str, str]) -> Path:
    """Beside Orthanc's own data, which is where its administrator already keeps durable files."""
    storage = str(configuration.get("StorageDirectory", "OrthancStorage"))
    folder = Path(str(configuration.get("IndexDirectory", storage)))
    if not may_share_index(configuration):
        return folder / "orthanc-console"
    # Those who share an index may share this folder, too.
    if identifier := configuration.get("DatabaseServerIdentifier"):
        own = hashlib.sha256(str(identifier).encode()).hexdigest()[:12]
    else:
        own = f"{platform.node()}-{configuration.get('HttpPort', 8042)}"
        problems["state_directory"] = (
            'Other Orthancs may use the same index and the same StorageDirectory, and neither "StateDirectory" nor '
            f'"DatabaseServerIdentifier" is set: the state file lies in a folder that is named after this machine ({own}), and '
            "is lost when that name changes. Set one of the two."
        )
    return folder / f"orthanc-console-{own}"
