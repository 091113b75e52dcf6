"""What an explanation of an error consists of."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise

Text = str | Promise


class Explanation(NamedTuple):
    """What an error means, what to do about it, and the DIMSE status with its name where there is one."""

    meaning: Text
    action: Text
    status: str = ""
