"""The body of a sync call: from bytes to checked values. See docs/protocol.md."""

from __future__ import annotations

import json
import math
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from orthanc_console.agent import reading
from orthanc_console.agent.reading import BadData
from orthanc_console.version import PROTOCOL

LARGEST_BODY = 8 * 1024 * 1024
MOST_EVENTS = 500
MOST_RESULTS = 1000
LONGEST_WAIT = 25.0
DEEPEST = 32

# PostgreSQL stores neither the character NUL nor half of a surrogate pair, and JSON can write both.
_UNSTORABLE_ESCAPE = re.compile(rb"\\u(0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadRequest(ValueError):
    """Nothing of the body can be used; the message is a sentence that names the field."""


class OtherProtocol(ValueError):
    """The plugin speaks another protocol, by which its body cannot be read; the message says what to do."""


@dataclass
class Incoming:
    """One reported event on its way into the database. Handlers set `problem`, `study_id` and `delivery_id`."""

    id: uuid.UUID
    seq: int
    kind: str
    at: datetime
    data: dict[str, Any]
    problem: str = ""
    study_id: int | None = None
    delivery_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Result:
    """What a node says of a command that it carried out."""

    command: uuid.UUID
    ok: bool
    detail: str
    data: dict[str, Any]


@dataclass(frozen=True)
class SyncRequest:
    protocol: int
    instance: str
    boot: str
    sent_at: datetime | None
    config_revision: int | None
    wait: float
    status: dict[str, Any]
    events: list[Incoming] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


def parse(body: bytes) -> SyncRequest:
    """Check the body.

    An event that cannot be used becomes an `Incoming` with its `problem`; everything around events must be right.

    Raises:
        BadRequest: not JSON, or a field of the envelope is wrong.
        OtherProtocol: it is of a plugin that is too new or too old for this console.
    """
    try:
        return _check(_load(body))
    except BadData as error:
        raise BadRequest(str(error)) from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply.") from error


def _check(message: dict[str, Any]) -> SyncRequest:
    protocol = reading.number(message, "protocol")
    if protocol is None:
        raise BadData("“protocol” is missing.")
    if protocol != PROTOCOL:
        raise OtherProtocol(_other_protocol(protocol))
    return SyncRequest(
        protocol=protocol,
        instance=_instance(message),
        boot=reading.needed_text(message, "boot", 36),
        sent_at=reading.moment(message, "sent_at"),
        config_revision=reading.number(message, "config_revision", reading.LARGEST_NUMBER),
        wait=_wait(message),
        status=_shallow(reading.mapping(message, "status"), "status"),
        events=[_event(each) for each in _list(message, "events", MOST_EVENTS)],
        results=[_result(each) for each in _list(message, "results", MOST_RESULTS)],
    )


def _other_protocol(protocol: int) -> str:
    advice = (
        "Update this console, or install the plugin that it offers on its Nodes page."
        if protocol > PROTOCOL
        else "Install the plugin that this console offers on its Nodes page."
    )
    return f"The plugin speaks protocol {protocol}, this console {PROTOCOL}. {advice}"


def _instance(message: dict[str, Any]) -> str:
    """Empty for a plugin that cannot read its state folder, and so does not know."""
    unknown = "instance" in message and message["instance"] is None
    return "" if unknown else reading.needed_text(message, "instance", 36)


def _load(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(message, dict):
        raise BadRequest("The body is not a JSON object.")
    return _storable(message) if _UNSTORABLE_ESCAPE.search(body) else message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is out of range")
    return value


def _storable(value: Any) -> Any:
    """Replace what no database stores by U+FFFD, the replacement character."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return value


def _list(message: dict[str, Any], name: str, most: int) -> list[Any]:
    value = message.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise BadData(f"“{name}” is not a list of at most {most}.")
    return value


def _wait(message: dict[str, Any]) -> float:
    value = message.get("wait", 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadData("“wait” is not a number of seconds.")
    return min(max(float(value), 0.0), LONGEST_WAIT)


def _shallow(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Refuse what is nested so deeply that it could not be written again."""
    level: list[Any] = [value]
    for _depth in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return value
    raise BadData(f"“{name}” is nested deeper than {DEEPEST} levels.")


def _event(raw: Any) -> Incoming:
    """The event; one that is wrong keeps as much of itself as could be read, so that it can be shown."""
    given = raw if isinstance(raw, dict) else {}
    event = Incoming(_event_id(raw, given), 0, "", datetime.now(UTC), {})
    try:
        if given is not raw:
            raise BadData("The event is not an object.")
        reading.identifier(given, "id")
        event.kind = reading.text(given, "kind", 40)
        event.seq = reading.number(given, "seq", reading.LARGEST_NUMBER) or 0
        event.at = reading.moment(given, "at") or event.at
        event.data = _shallow(reading.mapping(given, "data"), "data")
        for name in ("kind", "seq", "at", "data"):
            if given.get(name) in (None, ""):
                raise BadData(f"“{name}” is missing.")
    except BadData as error:
        event.problem = str(error)
    return event


def _event_id(raw: Any, given: dict[str, Any]) -> uuid.UUID:
    """The event's identifier; without a valid one, one that is the same whenever the same event comes again."""
    try:
        return reading.identifier(given, "id")
    except BadData:
        return uuid.uuid5(uuid.NAMESPACE_OID, repr(raw))


def _result(raw: Any) -> Result:
    if not isinstance(raw, dict):
        raise BadData("“results” holds something that is not an object.")
    return Result(
        command=reading.identifier(raw, "command"),
        ok=reading.truth(raw, "ok"),
        detail=reading.text(raw, "detail", 2000),
        data=_shallow(reading.mapping(raw, "data"), "data"),
    )
