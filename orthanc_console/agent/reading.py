"""Reading single values out of what a node reports; wrong ones raise `BadData` with a sentence that names the field."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

Data = Mapping[str, Any]

# What every database column for counts can hold.
LARGEST_COUNT = 2**31 - 1
LARGEST_NUMBER = 2**63 - 1


class BadData(ValueError):
    """The console does not understand a value; the message is a sentence."""


def text(data: Data, name: str, longest: int) -> str:
    """A text, cut at `longest` characters; empty when it is missing."""
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadData(f"“{name}” is not a text.")
    return value[:longest]


def needed_text(data: Data, name: str, longest: int) -> str:
    """A text that must be there, and be no longer than that."""
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise BadData(f"“{name}” is not a text of 1 to {longest} characters.")
    return value


def number(data: Data, name: str, largest: int = LARGEST_COUNT) -> int | None:
    """A whole number from 0; None when it is missing."""
    value = data.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= largest:
        raise BadData(f"“{name}” is not a whole number from 0 to {largest}.")
    return value


def count(data: Data, name: str) -> int:
    """A whole number from 0; 0 when it is missing."""
    return number(data, name) or 0


def truth(data: Data, name: str) -> bool:
    """True or false; false when it is missing."""
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise BadData(f"“{name}” is neither true nor false.")
    return value


def moment(data: Data, name: str) -> datetime | None:
    """A time in ISO 8601 with its zone, as UTC; None when it is missing."""
    value = data.get(name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("no zone")
        return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadData(f"“{name}” is not a time in ISO 8601 with its zone.") from error


def day(data: Data, name: str) -> date | None:
    """A DICOM date (PS3.5 section 6.2, VR DA); None when it is missing or is no date, as happens in real studies."""
    value = text(data, name, 16).strip()
    if not re.fullmatch(r"[0-9]{8}", value):
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def identifier(data: Data, name: str) -> uuid.UUID:
    """A UUID that must be there."""
    value = data.get(name)
    try:
        if not isinstance(value, str):
            raise ValueError("not a text")
        return uuid.UUID(value)
    except ValueError as error:
        raise BadData(f"“{name}” is not a UUID.") from error


def mapping(data: Data, name: str) -> dict[str, Any]:
    """An object; empty when it is missing."""
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadData(f"“{name}” is not an object.")
    return value


def mappings(data: Data, name: str) -> list[dict[str, Any]]:
    """A list of objects; empty when it is missing."""
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadData(f"“{name}” is not a list of objects.")
    return value


def texts(data: Data, name: str, longest: int) -> list[str]:
    """A list of texts, each cut at `longest` characters; empty when it is missing."""
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadData(f"“{name}” is not a list of texts.")
    return [each[:longest] for each in value]
