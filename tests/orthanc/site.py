"""One Orthanc with the plugin at a console, and what tests do with the two."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

from testbed.console import ConsoleServer
from testbed.orthanc import REPOSITORY, OrthancServer
from testbed.studies import send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for

PLUGIN = str(REPOSITORY / "orthanc-plugin.py")
Study = dict[str, Any]
Delivery = dict[str, Any]


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word}-{uuid.uuid4().hex[:8]}"


class Onlooker:
    """Another node, which asks the console for its newest revision as a plugin would."""

    def __init__(self, console: ConsoleServer) -> None:
        self._url = f"{console.url}/api/agent/v1/sync"
        self._token = console.post("/nodes/", {"name": unique("onlooker")})["token"]

    def newest_revision(self) -> int:
        request = {
            "protocol": 1,
            "instance": "onlooker",
            "boot": "onlooker",
            "config_revision": None,
        }
        answer = requests.post(
            self._url, json=request, headers={"Authorization": f"Bearer {self._token}"}, timeout=30
        )
        return int(answer.json()["config_revision"])


class Site:
    """A node of `console` whose Orthanc runs in `directory`.

    Destinations and rules that are made through it concern this node alone; `clear` takes them away.
    """

    def __init__(
        self,
        console: ConsoleServer,
        directory: Path,
        version: OrthancVersion,
        configuration: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.console = console
        self.directory = directory
        self.node_name = unique("node")
        node = console.post("/nodes/", {"name": self.node_name})
        self.node_id: int = node["id"]
        self.state_directory = directory / "state"
        section = console.plugin_section(node["token"], self.state_directory)
        self.orthanc = OrthancServer(
            directory,
            {"PythonScript": PLUGIN, "OrthancConsole": section, **(configuration or {})},
            version=version,
            aet=options.pop("aet", "NODE"),
            **options,
        )
        self._made: list[str] = []
        self._onlooker = Onlooker(console)

    def start(self) -> None:
        """Start Orthanc and wait until its plugin has a configuration."""
        self.orthanc.start()
        wait_for(lambda: self.node()["online"], "the node is online")
        self.settle()

    def start_again(self) -> None:
        """Start Orthanc and wait until its plugin obeys a configuration, be the console there or not."""
        self.orthanc.start()
        wait_for(lambda: self.plugin().get("config_revision"), "a configuration is in force")

    def node(self) -> dict[str, Any]:
        """The node as the console shows it."""
        node: dict[str, Any] = self.console.get(f"/nodes/{self.node_id}/")
        return node

    def warnings(self) -> dict[str, str]:
        """The node's warnings in the console, by code."""
        return {warning["code"]: warning["message"] for warning in self.node()["warnings"]}

    def wait_for_warning(self, code: str, seconds: float = 15) -> str:
        """The message of a warning, once the console shows it."""
        wait_for(lambda: code in self.warnings(), f"the warning {code}", seconds)
        return self.warnings()[code]

    def plugin(self) -> dict[str, Any]:
        """What the plugin says of itself inside Orthanc."""
        status: dict[str, Any] = self.orthanc.get("/orthanc-console/status")
        return status

    def settle(self) -> None:
        """Wait until the plugin obeys all that was configured."""
        newest = self._onlooker.newest_revision()
        wait_for(
            lambda: (self.plugin().get("config_revision") or 0) >= newest,
            f"configuration {newest} is in force",
            interval=0.05,
        )

    def clear(self) -> None:
        """Delete the rules and destinations that were made here."""
        for path in reversed(self._made):
            self.console.request("DELETE", path)
        self._made.clear()

    def send(self, files: Sequence[Path]) -> str:
        """Store files in Orthanc by its REST API; returns the Orthanc identifier of their study."""
        answers = send_by_rest(files, self.orthanc.http_url)
        return str(answers[0]["ParentStudy"])

    def study(self, orthanc_id: str) -> Study | None:
        """The study as the console shows it, None while it does not."""
        shown = self.console.get("/studies/", node=self.node_id, search=self._uid(orthanc_id))
        return next((s for s in shown["results"] if s["orthanc_id"] == orthanc_id), None)

    def wait_for_study(self, orthanc_id: str) -> Study:
        return wait_for(
            lambda: self.study(orthanc_id), "the console shows the study", interval=0.05
        )

    def deliveries(self, orthanc_id: str) -> list[Delivery]:
        """The deliveries of a study in the console, the oldest first."""
        study = self.study(orthanc_id)
        return [] if study is None else self._deliveries(study["id"])

    def wait_for(self, orthanc_id: str, *states: str, seconds: float = 20) -> list[Delivery]:
        """The deliveries of a study, once they are in these states (in the order of their making)."""
        return self._wait(lambda: self.deliveries(orthanc_id), states, seconds)

    def wait_for_deliveries(self, study: int, *states: str, seconds: float = 20) -> list[Delivery]:
        """The same for a study by its number in the console, as Orthanc may have it no more."""
        return self._wait(lambda: self._deliveries(study), states, seconds)

    def _deliveries(self, study: int) -> list[Delivery]:
        return list(self.console.pages("/deliveries/", study=study))[::-1]

    def _wait(
        self, seen: Callable[[], list[Delivery]], states: Sequence[str], seconds: float
    ) -> list[Delivery]:
        def as_wanted() -> bool:
            return [delivery["state"] for delivery in seen()] == list(states)

        try:
            wait_for(as_wanted, "", seconds, 0.05)
        except TimeoutError:
            raise AssertionError(f"Expected {states}, but it is {seen()}") from None
        return seen()

    def decisions(self, orthanc_id: str) -> dict[int, dict[str, Any]]:
        """The decisions of the newest evaluation of a study, by rule; waits until there is one."""
        study = self.wait_for_study(orthanc_id)

        def evaluated() -> list[dict[str, Any]]:
            events = self.console.pages(f"/studies/{study['id']}/timeline/")
            return [event for event in events if event["kind"] == "rules.evaluated"]

        newest = wait_for(evaluated, "the rules were evaluated")[0]
        return {each["rule"]: each for each in newest["data"]["decisions"]}

    def _uid(self, orthanc_id: str) -> str:
        tags = self.orthanc.get(f"/studies/{orthanc_id}")["MainDicomTags"]
        return str(tags["StudyInstanceUID"])

    def modality(self, server: OrthancServer, **values: Any) -> dict[str, Any]:
        """Make a modality that is `server`."""
        address = {"aet": server.aet, "host": "127.0.0.1", "port": server.dicom_port}
        return self.destination("modality", **{**address, **values})

    def peer(self, url: str, **values: Any) -> dict[str, Any]:
        return self.destination("peer", url=url, **values)

    def dicomweb(self, server: OrthancServer, **values: Any) -> dict[str, Any]:
        return self.destination("dicomweb", url=f"{server.http_url}/dicom-web/", **values)

    def destination(self, kind: str, **values: Any) -> dict[str, Any]:
        values = {"name": unique(kind), "nodes": [self.node_id], **values}
        return self._make("/destinations/", {"kind": kind, **values})

    def rule(
        self, expression: str, destinations: Sequence[dict[str, Any]], **values: Any
    ) -> dict[str, Any]:
        values = {"name": unique("rule"), "nodes": [self.node_id], **values}
        ids = [destination["id"] for destination in destinations]
        return self._make("/rules/", {"expression": expression, "destinations": ids, **values})

    def _make(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.console.post(path, values)
        self._made.append(f"{path}{made['id']}/")
        return made
