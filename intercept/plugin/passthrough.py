"""Sends what a C-MOVE asks for, as Orthanc's own handler would: by its C-STORE, with the move originator passed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from intercept.plugin.request import MoveRequest
from orthanc_console.plugin.orthanc_client import OrthancClient, OrthancError

# Images of one association. The first has one, so that a target that is down is noticed before the move has begun.
LARGEST_PART = 32
# Before the jobs of the lanes: somebody waits for this.
PRIORITY = 1000
# Seconds for one part. DICOM has time-outs of its own, far below.
LONGEST_PART = 3600.0


class SendFailed(Exception):
    """The images could not be sent; the message is Orthanc's."""


class Sending:
    """The images of one C-MOVE on their way to one modality.

    Args:
        modality: Orthanc's name of it.
        instances: Orthanc's identifiers.
    """

    def __init__(
        self, orthanc: OrthancClient, modality: str, instances: Sequence[str], request: MoveRequest
    ) -> None:
        self._orthanc = orthanc
        self._path = f"/modalities/{modality}/store"
        self._instances = instances
        self._originator = {
            "MoveOriginatorAet": request.originator_aet,
            "MoveOriginatorID": request.originator_id,
        }
        self._part = 1
        self.sent = 0

    @property
    def size(self) -> int:
        return len(self._instances)

    def send_until(self, count: int) -> None:
        """Send until at least so many images have arrived.

        Raises:
            SendFailed: an image could not be sent; `sent` counts those before it.
            OrthancDown: Orthanc is stopping.
        """
        while self.sent < min(count, self.size):
            part = self._instances[self.sent : self.sent + self._part]
            try:
                self._store(part)
            except OrthancError as error:
                if len(part) == 1:
                    raise SendFailed(str(error)) from error
                # Which of them failed is told only when they go one by one; those that had arrived arrive again.
                self._part = 1
            else:
                self.sent += len(part)
                self._part = min(self._part * 2, LARGEST_PART)

    def submit(self) -> str:
        """Ask Orthanc to send everything in the background; returns the job's identifier.

        Raises:
            SendFailed: Orthanc refuses.
        """
        try:
            return str(self._store(self._instances, background=True)["ID"])
        except OrthancError as error:
            raise SendFailed(str(error)) from error

    def _store(self, instances: Sequence[str], background: bool = False) -> Any:
        body = {
            "Resources": list(instances),
            "Asynchronous": background,
            "Priority": PRIORITY,
            "Permissive": False,
            **self._originator,
        }
        return self._orthanc.post(self._path, body, timeout=LONGEST_PART)
