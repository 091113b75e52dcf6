"""The parts of purging in the plugin, around an Orthanc that does what a test asks of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import NotFound, OrthancDown, OrthancError
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from purge.plugin import spec as specs
from purge.plugin.capability import Purge
from purge.plugin.executor import Executor
from purge.plugin.runs import SCHEMA, Run, RunStore
from purge.plugin.stored import Surroundings
from routing.plugin.holdings import Holdings
from routing.plugin.store import SCHEMA as ROUTING_SCHEMA
from routing.plugin.store import DeliveryStore


class FakeOrthanc:
    """Some studies of 2019; `refused` and `mute` are those whose deletion fails."""

    def __init__(self, count: int = 5) -> None:
        self.studies = {f"study-{n}": self._study(f"study-{n}") for n in range(count)}
        self.refused: set[str] = set()
        self.mute: set[str] = set()
        self.unanswered: set[str] = set()
        # Studies on one page of the listing.
        self.page = 500
        self.deleted: list[str] = []
        self.before_delete: Callable[[str], None] = lambda study: None
        self.after_delete: Callable[[str], None] = lambda study: None
        # What else is done before a path is answered.
        self.before_answer: Callable[[str], None] = lambda path: None
        self.protected: Any = 0
        # What the question about the series of several studies is answered, given the right answer.
        self.together: Callable[[list[Any]], Any] = lambda series: series
        self.asked: list[str] = []

    @staticmethod
    def _study(ident: str) -> dict[str, Any]:
        return {
            "ID": ident,
            "IsStable": True,
            "LastUpdate": "20200101T000000",
            "ParentPatient": "patient",
            "Series": [f"series-{n}-{ident}" for n in range(4)],
            "MainDicomTags": {"StudyDate": "20190101", "StudyInstanceUID": f"1.{ident}"},
            "PatientMainDicomTags": {"PatientID": "P"},
        }

    def get(self, path: str, timeout: float = 30) -> Any:
        self.asked.append(path)
        self.before_answer(path)
        if path.startswith("/studies?"):
            return self._page(int(path.partition("since=")[2].partition("&")[0]))
        if path == "/system":
            return {"Version": "1.10.1"}
        if path.endswith("/protected"):
            return self.protected
        study = path.split("/")[2].partition("?")[0]
        if study not in self.studies:
            raise NotFound(404, 0, "Unknown resource")
        if study in self.unanswered:
            raise OrthancDown("timed out")
        if path.endswith("/statistics"):
            return {"DiskSize": "1000", "CountInstances": 4, "CountSeries": 4}
        if path.endswith("/series?expand"):
            return self._series(study)
        return self.studies[study]

    def _page(self, since: int) -> list[dict[str, Any]]:
        listed = [self.studies[ident] for ident in sorted(self.studies)]
        return listed[since : since + self.page]

    @staticmethod
    def _series(study: str) -> list[dict[str, Any]]:
        return [
            {"ParentStudy": study, "Instances": ["i"], "MainDicomTags": {"Modality": modality}}
            for modality in ("MR", "CT", "CT", "")
        ]

    def post(self, path: str, body: Any, timeout: float = 30) -> Any:
        self.asked.append(path)
        if body["Level"] != "Series" or path != "/tools/bulk-content":
            raise NotFound(404, 0, "Unknown resource")
        there = [study for study in body["Resources"] if study in self.studies]
        return self.together([series for study in there for series in self._series(study)])

    def delete(self, path: str, timeout: float = 30) -> Any:
        study = path.split("/")[2]
        self.before_delete(study)
        if study in self.refused:
            raise OrthancError(500, 9, "Error in the database")
        if study in self.mute:
            raise OrthancDown("timed out")
        self.studies.pop(study)
        self.deleted.append(study)
        self.after_delete(study)


class Bench:
    """The parts of purging around a fake Orthanc; `reopen` makes them anew, as after a crash."""

    def __init__(self, folder: Path, count: int = 5) -> None:
        self.folder = folder
        self.orthanc = FakeOrthanc(count)
        self.disk = (90, 100)
        self.measure: Callable[[], tuple[int, int]] = lambda: self.disk
        self.reopen()
        self.state.hear(clock.now())

    def reopen(self) -> None:
        self.state = State(self.folder, [ROUTING_SCHEMA, SCHEMA])
        orthanc: Any = self.orthanc
        around = self.around = Surroundings(
            orthanc, DeliveryStore(self.state), Holdings(orthanc, {}), stable_age=60
        )
        self.runs = RunStore(self.state)
        self.warnings = Warnings()
        usage = lambda: self.measure()  # noqa: E731
        self.executor = Executor(self.state, self.runs, around, self.warnings, usage)
        self.purge = Purge(self.state, self.runs, self.executor, around, self.warnings, usage)

    def start(
        self, hold_minutes: float = 0, approval: bool = False, terms: str = "", **spec: Any
    ) -> str:
        ident = str(uuid.uuid4())
        wanted = {**specs.of_endpoint("20191231", [], clock.now()), "only_live": False, **spec}
        policy = {"id": 1, "name": "p", "revision": 1}
        data = {
            "run": ident,
            "policy": {**policy, "terms": terms} if terms else policy,
            "cause": "manual",
            "spec": wanted,
            "hold_minutes": hold_minutes,
            "needs_approval": approval,
        }
        self.command("purge_run", **data)
        return ident

    def command(self, kind: str, **data: Any) -> dict[str, Any]:
        ident = str(uuid.uuid4())
        self.purge.commands[kind](ident, data)
        return next(r for r in self.state.waiting_results() if r["command"] == ident)

    def work(self, steps: int = 30) -> None:
        for _step in range(steps):
            try:
                self.executor.step()
            except OrthancDown:
                continue

    def run(self, ident: str) -> Run:
        found = self.runs.get(ident)
        assert found is not None
        return found

    def outcomes(self) -> dict[str, tuple[str, str]]:
        """The last that was reported of each study."""
        found = {}
        for event in self.state.waiting_events(500, 2**24):
            for line in event["data"].get("studies", []):
                found[line["study"]] = (line["outcome"], line["reason"])
        return found
