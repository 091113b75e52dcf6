"""Destinations on both sides: those that Orthanc has are shown to the console, those of the console are written into Orthanc."""

from __future__ import annotations

import threading
from typing import Any

from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import NotFound, OrthancClient, OrthancError
from orthanc_console.plugin.state import State
from routing.plugin.matcher import Destination
from routing.plugin.sender import Sender
from routing.plugin.transports import TRANSPORTS

# Seconds between two looks at Orthanc's own lists.
LOOK = 10.0
WRITTEN = "written_destinations"
FIELDS = {"aet": "", "host": "", "port": None, "url": "", "username": ""}


class Inventory:
    """Keeps Orthanc's lists of modalities, peers and DICOMweb servers and the console's in step."""

    def __init__(self, state: State, orthanc: OrthancClient, sender: Sender) -> None:
        self._state = state
        self._orthanc = orthanc
        self._sender = sender
        # None until the first configuration: for want of one, nothing is known of what is the console's and what Orthanc's own.
        self._wanted: list[Destination] | None = None
        self._pending = False
        # [kind, name] of those of the console that Orthanc has by itself, with the same address.
        self._shared: list[list[str]] = []
        self.discovered: list[dict[str, Any]] | None = None
        self.wake = threading.Event()

    def configure(self, destinations: list[Destination]) -> None:
        """Obey a new list; it is written by the next step."""
        self._wanted = [d for d in destinations if d.source == "console"]
        self._pending = True
        self.wake.set()

    def step(self) -> float:
        """Write what changed and read what there is. Returns seconds until the next look."""
        if self._wanted is None:
            return LOOK
        pending, self._pending = self._pending, False
        present = {kind: self._list(kind) for kind in TRANSPORTS}
        written: list[list[str]] = self._state.get(WRITTEN, [])
        kept = self._write(present, self._wanted, written, force=pending)
        self._remove([entry for entry in written if entry not in kept])
        if kept != written:
            self._keep(kept)
        self.discovered = [
            {**FIELDS, "kind": kind, "name": name, **TRANSPORTS[kind].found(name, entry)}
            for kind, entries in present.items()
            for name, entry in sorted((entries or {}).items())
            if [kind, name] not in written + kept + self._shared
        ]
        return LOOK

    def _keep(self, written: list[list[str]]) -> None:
        with self._state.transaction() as db:
            self._state.put(db, WRITTEN, written)

    def _list(self, kind: str) -> dict[str, Any] | None:
        """Orthanc's entries of a kind, None where it has none such (no DICOMweb plugin)."""
        try:
            entries: dict[str, Any] = self._orthanc.get(TRANSPORTS[kind].listing + "?expand")
        except NotFound:
            return None
        return entries

    def _write(
        self,
        present: dict[str, dict[str, Any] | None],
        wanted: list[Destination],
        written: list[list[str]],
        force: bool,
    ) -> list[list[str]]:
        """Write the console's destinations; returns [kind, name] of those that Orthanc now has from here."""
        kept = []
        self._shared = []
        for destination in wanted:
            entries = present[destination.kind]
            key = [destination.kind, destination.name]
            missing = entries is not None and destination.name not in entries
            if problem := self._conflict(destination, entries, key in written):
                self._sender.known_to_orthanc(destination, problem)
                continue
            if key not in written and not missing:
                # It may have settings there that the console does not know, and stays when it is deleted here.
                self._sender.known_to_orthanc(destination, "")
                self._shared.append(key)
                continue
            if key not in written:
                written.append(key)
                self._keep(written)
            if force or missing or self._sender.problem(destination.id):
                self._put(destination)
            kept.append(key)
        return kept

    def _conflict(
        self, destination: Destination, entries: dict[str, Any] | None, ours: bool
    ) -> str:
        """Why this destination cannot be written; empty if it can."""
        if entries is None:
            return "This Orthanc has no DICOMweb plugin. Install it, or do not use this destination for this node."
        entry = entries.get(destination.name)
        if entry is None or ours:
            return ""
        found = {**FIELDS, **TRANSPORTS[destination.kind].found(destination.name, entry)}
        if all(getattr(destination, name) == value for name, value in found.items()):
            return ""
        return (
            f"This Orthanc already has a {destination.kind} named {destination.name} of its own with another address. "
            "Rename the one here, or take the other out of Orthanc's configuration."
        )

    def _put(self, destination: Destination) -> None:
        transport = TRANSPORTS[destination.kind]
        try:
            self._orthanc.put(
                f"{transport.listing}/{destination.name}", transport.definition(destination)
            )
        except OrthancError as error:
            logger.error("Orthanc refuses the destination %s: %s", destination.name, error)
            self._sender.known_to_orthanc(destination, f"Orthanc refuses this destination: {error}")
        else:
            self._sender.known_to_orthanc(destination, "")

    def _remove(self, gone: list[list[str]]) -> None:
        """Take out of Orthanc what was written for the console and is not wanted any more."""
        for kind, name in gone:
            try:
                self._orthanc.delete(f"{TRANSPORTS[kind].listing}/{name}")
            except OrthancError as error:
                # Not there any more after a restart, unless Orthanc keeps its destinations in its database.
                logger.info("%s %s was not in Orthanc: %s", kind, name, error)
