"""What becomes of a study, and why, on every version of Orthanc: the real planner and executor, outside Orthanc."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from orthanc_console.plugin import clock
from orthanc_console.plugin.orthanc_client import Address, OrthancClient
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from purge.models import PurgePolicy
from purge.plugin import spec as specs
from purge.plugin.executor import Executor
from purge.plugin.planner import check_server
from purge.plugin.runs import SCHEMA, Run, RunStore
from purge.plugin.spec import SpecError
from purge.plugin.stored import Surroundings
from purge.services.policies import terms
from routing.plugin.deliveries import Delivery, pack
from routing.plugin.holdings import Holdings
from routing.plugin.matcher import Destination
from routing.plugin.store import SCHEMA as ROUTING_SCHEMA
from routing.plugin.store import DeliveryStore
from testbed.orthanc import OrthancServer
from testbed.studies import make_study, send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import free_port, wait_for
from tests.orthanc.purge_cases import CASES, Case

PEER = 7


@pytest.fixture(scope="module")
def archive(
    tmp_path_factory: pytest.TempPathFactory, orthanc_version: OrthancVersion
) -> Iterator[OrthancServer]:
    server = OrthancServer(tmp_path_factory.mktemp("archive"), version=orthanc_version)
    server.start()
    yield server
    server.kill()


@dataclass(frozen=True)
class Upload:
    """The study of one case, as it was sent. `marker` is in it alone."""

    marker: str
    files: list[Path]
    study: str


@pytest.fixture(scope="module")
def uploads(archive: OrthancServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Upload]:
    """All of them at once, so that no case waits for its study to become stable."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for case in CASES:
        marker = uuid.uuid4().hex[:12]
        files = files_of(case, folder, marker, instances=2)
        answers = send_by_rest(files, archive.http_url)
        made[case.name] = Upload(marker, files, str(answers[0]["ParentStudy"]))
    return made


def files_of(case: Case, folder: Path, marker: str, **values: Any) -> list[Path]:
    tags = {"PatientID": marker, **case.tags}
    return make_study(folder / marker, **{"series": 1, "rows": 8, "seed": marker, **values, **tags})


class World:
    """One case: its study in Orthanc, and the plugin's parts around it. A setup is a method of that name."""

    def __init__(
        self, case: Case, upload: Upload, archive: OrthancServer, peer: OrthancServer, folder: Path
    ) -> None:
        self.case, self.archive, self.peer, self.folder = case, archive, peer, folder
        self.marker, self.files, self.study = upload.marker, upload.files, upload.study
        self.state = State(folder / "state", [ROUTING_SCHEMA, SCHEMA])
        self.deliveries = DeliveryStore(self.state)
        orthanc = OrthancClient(Address(archive.http_url), "")
        self.around = Surroundings(orthanc, self.deliveries, Holdings(orthanc, {}), stable_age=1)
        self.around.destinations = {PEER: self._destination(peer.http_url)}
        self.runs = RunStore(self.state)
        usage = lambda: (1, 100)  # noqa: E731
        self.executor = Executor(self.state, self.runs, self.around, Warnings(), usage)
        self.state.hear(clock.now())
        self.required: list[int] = []
        self.failed: list[str] = []

    def _destination(self, url: str) -> Destination:
        return Destination(
            *(PEER, "PACS_B", "peer", "console", True, False, "", "", None),
            *(url, "", "", "none", 2),
        )

    def _files(self, **values: Any) -> list[Path]:
        return files_of(self.case, self.folder, self.marker, **values)

    def send(self, files: list[Path]) -> str:
        return str(send_by_rest(files, self.archive.http_url)[0]["ParentStudy"])

    def settle(self) -> None:
        wait_for(
            lambda: self.archive.get(f"/studies/{self.study}")["IsStable"], "it is stable", 15, 0.05
        )

    def instances(self) -> list[str]:
        return [i["ID"] for i in self.archive.get(f"/studies/{self.study}/instances?expand")]

    def add_delivery(self, state: str, **values: Any) -> None:
        instances = values.pop("instances", self.instances())
        delivery = Delivery(self.study, PEER, "PACS_B", pack(instances), state=state, **values)
        with self.state.transaction() as db:
            self.deliveries.add(db, delivery)

    def put(self, path: str, body: str) -> None:
        self.archive.request("PUT", path, data=body).raise_for_status()

    def spec(self) -> dict[str, Any]:
        values = {"older_than_days": 365, "min_days_since_received": 0, **self.case.policy}
        policy = PurgePolicy(**{"enforcement": "active", "studies_per_minute": 0, **values})
        mine = f'PatientID == "{self.marker}"'
        other = f'AccessionNumber == "{self.marker}"'
        policy.expression = f"({policy.expression}) and ({mine} or {other})"
        with time_machine.travel(datetime.fromisoformat(self.case.now), tick=False):
            spec = terms(policy)
        updated = self.archive.get(f"/studies/{self.study}")["LastUpdate"]
        cutoff = (clock.from_orthanc(updated) or 0) + (self.case.cutoff or 0)
        extra = {"verified_at": self.required, "failed_studies": self.failed}
        return {**spec, **extra, "made_at": clock.now(), "cutoff": cutoff}

    def outcome(self) -> tuple[str, str]:
        """Run it; what the run says of the study, deleted or the reason for which it was kept."""
        run = Run(str(uuid.uuid4()), self.spec(), "manual")
        with self.state.transaction() as db:
            self.runs.add(db, run)
        self.executor.step()
        if self.case.setup.endswith(("_in_run", "late_image")):
            self.setup()
        for _step in range(20):
            self.executor.step()
        ended = self.runs.get(run.id)
        assert ended is not None and ended.state == "done", ended
        for event in reversed(self.state.waiting_events(500, 2**24)):
            for line in event["data"].get("studies", []):
                if line["study"] == self.study:
                    return line["outcome"], line["reason"]
        return "kept", ended.state

    def setup(self) -> None:
        if self.case.setup:
            getattr(self, self.case.setup)()

    # Setups

    def protect(self) -> None:
        patient = self.archive.get(f"/studies/{self.study}")["ParentPatient"]
        self.put(f"/patients/{patient}/protected", "1")

    protect_in_run = protect

    def protect_and_wait(self) -> None:
        self.protect()
        self.add_delivery("waiting")

    def label(self) -> None:
        self.put(f"/studies/{self.study}/labels/keep", "")

    label_in_run = label

    def unstable(self) -> None:
        self.send(self._files(instances=3)[2:])

    def undecided_rules(self) -> None:
        self.around.awaits_rules = True

    def decided_rules(self) -> None:
        self.around.awaits_rules = True
        with self.state.transaction() as db:
            row = (self.study, b"", clock.now() + 1)
            db.execute("INSERT INTO study VALUES (?, ?, ?)", row)

    def late_series(self) -> None:
        self._later()
        files = self._files(series=2, instances=1)
        self.send(files[1:])
        self.settle()

    def _later(self) -> None:
        # Orthanc's times have whole seconds.
        until = clock.now() + 2.1
        wait_for(lambda: clock.now() > until, "two seconds", 5, 0.1)

    def late_image(self) -> None:
        self._later()
        self.send(self._files(instances=3)[2:])
        self.settle()

    late_series_in_run = late_series

    def delivery_waiting(self) -> None:
        self.add_delivery("waiting")

    delivery_in_run = delivery_waiting

    def delivery_held(self) -> None:
        self.add_delivery("held", reason="paused")

    def delivery_sending(self) -> None:
        self.add_delivery("sending")

    def delivery_unchecked(self) -> None:
        self.add_delivery("delivered", check_at=clock.now() + 60)

    def delivery_delivered(self) -> None:
        self.add_delivery("delivered", sent=pack(self.instances()))

    def delivery_skipped(self) -> None:
        self.add_delivery("skipped", reason="loop_guard")

    def delivery_cancelled(self) -> None:
        self.add_delivery("cancelled", reason="by_hand")

    def delivery_failed(self) -> None:
        self.add_delivery("failed", reason="permanent")

    def delivery_failed_then_delivered(self) -> None:
        self.delivery_failed()
        self.delivery_delivered()

    def failed_at_console(self) -> None:
        self.failed = [self.study]

    def verified_before(self) -> None:
        self.required = [PEER]
        self.add_delivery("verified", verified_at=clock.now())

    def verified_in_part(self) -> None:
        self.required = [PEER]
        half = self.instances()[:1]
        self.add_delivery("verified", verified_at=clock.now(), instances=half)

    def forgotten_but_there(self) -> None:
        self.required = [PEER]
        send_by_rest(self.files, self.peer.http_url)

    def forgotten_half_there(self) -> None:
        self.required = [PEER]
        send_by_rest(self.files[:1], self.peer.http_url)

    def never_delivered(self) -> None:
        self.required = [PEER]

    def silent_destination(self) -> None:
        self.required = [PEER]
        self.around.destinations = {PEER: self._destination(f"http://127.0.0.1:{free_port()}/")}

    def unknown_destination(self) -> None:
        self.required = [PEER + 1]

    def deleted_in_run(self) -> None:
        self.archive.request("DELETE", f"/studies/{self.study}").raise_for_status()

    def older_first(self) -> None:
        older = make_study(
            self.folder / "older",
            series=1,
            instances=1,
            rows=8,
            StudyDate="20180101",
            AccessionNumber=self.marker,
        )
        study = self.send(older)
        wait_for(lambda: self.archive.get(f"/studies/{study}")["IsStable"], "stable", 15, 0.05)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_study_has_the_fate_that_it_should_have(
    case: Case,
    uploads: dict[str, Upload],
    archive: OrthancServer,
    destination: OrthancServer,
    tmp_path: Path,
) -> None:
    world = World(case, uploads[case.name], archive, destination, tmp_path)
    needs_labels = bool(case.policy.get("keep_labels")) or "Labels" in str(case.policy)
    if needs_labels and not archive.get("/system").get("HasLabels"):
        with pytest.raises(SpecError, match="labels"):
            check_server(specs.parse(world.spec(), clock.now()), world.around.orthanc)
        return
    world.settle()
    if not case.setup.endswith(("_in_run", "late_image")):
        world.setup()
    if case.setup == "unstable":
        assert world.outcome() == ("kept", "growing")
        return
    expected = ("deleted", "") if case.verdict == "deleted" else ("kept", case.verdict)
    assert world.outcome() == expected
    there = archive.request("GET", f"/studies/{world.study}").status_code == 200
    assert there == (case.verdict not in ("deleted", "gone"))


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
