"""An Orthanc that intercepts C-MOVE, with one study and a modality that it can be moved to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom

from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.moves import MoveAnswer, move
from tests.orthanc.site import Site, unique

Json = dict[str, Any]
IMAGES = 4


class Interception:
    """The site, its study, and the modality TARGET."""

    def __init__(self, site: Site, target: OrthancServer, folder: Path) -> None:
        self.site = site
        self.target = target
        self.patient = unique("P")
        self.files = make_study(
            folder / "study", "CT", series=2, instances=2, rows=8, PatientID=self.patient
        )
        for path in self.files:
            site.orthanc.request("POST", "/instances", data=path.read_bytes()).raise_for_status()
        self.variant = int(site.plugin()["intercept"]["variant"])
        # What the variant of the callback can say of a refusal (docs/intercept.md).
        self.refusal = 0xB000 if self.variant == 1 else 0xC000

    def tag(self, keyword: str, index: int = 0) -> str:
        return str(pydicom.dcmread(self.files[index], stop_before_pixels=True)[keyword].value)

    @property
    def study(self) -> str:
        return self.tag("StudyInstanceUID")

    def hook(self, url: str, **values: Any) -> Json:
        """Make a target that this node alone obeys, and wait until it does."""
        values = {"name": unique("hook"), "nodes": [self.site.node_id], **values}
        made = self.site._make("/webhook-targets/", {"url": url, **values})
        self.site.settle()
        return made

    def move(self, level: str = "STUDY", value: str = "", target: str = "TARGET") -> MoveAnswer:
        return move(self.site.orthanc, level, value or self.study, target, aet=unique("S")[:12])

    def ask(self, level: str = "STUDY", value: str = "", target: str = "TARGET") -> tuple[Any, int]:
        """Move, and count the images that arrive."""
        for study in self.target.get("/studies"):
            self.target.delete(f"/studies/{study}")
        answer = self.move(level, value, target)
        return answer, len(self.target.get("/instances"))

    def webhooks(self, hook: Json) -> list[Json]:
        """What the console shows of a target's messages, the newest first."""
        return list(self.site.console.pages("/webhook-deliveries/", target=hook["id"]))

    def wait_for(self, hook: Json, *states: str, seconds: float = 20) -> list[Json]:
        """The messages of a target, once they have these states and none is about to be tried first."""

        def seen() -> list[Json]:
            found = self.webhooks(hook)
            right = [each["state"] for each in found] == list(states)
            tried = all(each["attempts"] or each["state"] == "skipped" for each in found)
            return found if right and tried else []

        try:
            return wait_for(seen, f"{states} of {hook['name']}", seconds, 0.05)
        except TimeoutError:
            raise AssertionError(f"Expected {states}, but it is {self.webhooks(hook)}") from None

    def attempts(self, webhook: Json) -> list[Json]:
        detail = self.site.console.get(f"/webhook-deliveries/{webhook['id']}/")
        return list(detail["attempt_list"])

    def request_of(self, webhook: Json) -> Json:
        """The C-MOVE that a message is about, once it has ended."""

        def ended() -> Json | None:
            row: Json = self.site.console.get(f"/move-requests/{webhook['move_request']}/")
            return row if row["outcome"] != "running" else None

        found: Json = wait_for(ended, "the C-MOVE has ended", interval=0.05)
        return found


@contextmanager
def intercepting(
    console: ConsoleServer,
    folder: Path,
    version: OrthancVersion,
    target_version: OrthancVersion,
    configuration: Json | None = None,
) -> Iterator[Interception]:
    target = OrthancServer(folder / "target", version=target_version, aet="TARGET")
    target.start()
    modalities = {"target": target.as_modality()}
    site = Site(
        console, folder / "site", version, {"DicomModalities": modalities, **(configuration or {})}
    )
    site.orthanc.configuration["OrthancConsole"]["InterceptMove"] = True
    try:
        site.start()
        yield Interception(site, target, folder)
    finally:
        for server in (site.orthanc, target):
            if server.running:
                server.kill()
