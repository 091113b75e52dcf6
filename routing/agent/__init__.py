"""Routing's part of the call that nodes make; see orthanc_console.agent.capabilities."""

from __future__ import annotations

from routing.agent.config import config_for
from routing.agent.events import EVENT_HANDLERS
from routing.agent.status import receive_status

__all__ = ["EVENT_HANDLERS", "config_for", "receive_status"]
