"""`make demo`: a console, an Orthanc with the plugin, a second Orthanc as destination, and sample studies on their way.

Without CHECK it runs until Ctrl-C; with CHECK=1 it ends with 0 when every study that a rule matched is at its destinations with
the same number of instances, and every other study is not, else with 1 and the reason.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import requests
from pydicom.uid import generate_uid

from testbed.console import MANAGE, ConsoleServer
from testbed.orthanc import REPOSITORY, OrthancServer
from testbed.processes import Server, ServerError
from testbed.studies import (
    ODD_NAMES,
    make_study,
    pydicom_samples,
    send_by_cstore,
    send_by_rest,
)

NODE = "main"
# In this order; each ends the evaluation when it matches. (name, condition, whether it forwards)
RULES = (
    ("Phantoms stay here", 'PatientID == "PHANTOM"', False),
    ("CT and MR", '"CT" in ModalitiesInStudy or "MR" in ModalitiesInStudy', True),
    ("Everything else", "true", True),
)
CHECK_TIMEOUT = 120
OTHER_DATA = "If you changed rules or destinations of the demo, that is why: begin anew with another DATA_DIR."
# Seconds between two studies, so that one can watch them pass.
PACE = 1.5


class DemoError(Exception):
    """The demo cannot run, or its check failed; the text says why."""


@dataclass(frozen=True)
class Sample:
    """A study to send in.

    Attributes:
        forwarded: whether a rule matches it.
    """

    uid: str
    files: list[Path]
    forwarded: bool = True


class DemoConsole(ConsoleServer):
    """The console with a user whose password is made at the first run and kept in the data folder."""

    user = "demo"

    def __init__(self, directory: Path, port: int) -> None:
        kept = directory / "demo" / "password"
        if not kept.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept.parent.mkdir(exist_ok=True)
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe(9), encoding="ascii")
        self.password = kept.read_text(encoding="ascii")
        super().__init__(directory, port=port)


class Scheduler(Server):
    """What starts the purges of a console when they are due."""

    def __init__(self, console: ConsoleServer) -> None:
        super().__init__("The scheduler", console.directory / "scheduler.log")
        self._console = console

    def command(self) -> list[str]:
        return [*MANAGE, "scheduler"]

    def environment(self) -> dict[str, str]:
        return self._console.environment()

    def is_ready(self) -> bool:
        return self.running


class Demo:
    """The three servers, and what is configured in them."""

    def __init__(self, stack: ExitStack) -> None:
        data = Path(os.environ.get("DATA_DIR", "data")).resolve()
        ports = {name: _port(name, value) for name, value in DEFAULT_PORTS.items()}
        for name, port in ports.items():
            _require_free(name, port)
        self.console = stack.enter_context(DemoConsole(data, ports["PORT"]))
        self.peer = stack.enter_context(
            OrthancServer(
                data / "demo" / "peer",
                aet="ARCHIVE",
                http_port=ports["PEER_HTTP"],
                dicom_port=ports["PEER_DICOM"],
            )
        )
        stack.enter_context(Scheduler(self.console))
        plugin = self.console.plugin_section(self._node_token(), data / "demo" / "plugin")
        self.orthanc = stack.enter_context(
            OrthancServer(
                data / "demo" / "orthanc",
                {
                    "PythonScript": str(REPOSITORY / "orthanc-plugin.py"),
                    "OrthancConsole": plugin,
                    "StableAge": 2,
                },
                http_port=ports["ORTHANC_HTTP"],
                dicom_port=ports["ORTHANC_DICOM"],
            )
        )

    def _node_token(self) -> str:
        for node in self.console.pages("/nodes/"):
            if node["name"] == NODE:
                answer: dict[str, str] = self.console.post(f"/nodes/{node['id']}/new-token/")
                return answer["token"]
        return self.console.create_node(NODE)

    def configure(self) -> None:
        """Make the destinations and rules that are not there yet, and put the others back as the demo wants them."""
        archive = self._ensure(
            "/destinations/",
            {
                "name": "archive",
                "kind": "modality",
                "aet": self.peer.aet,
                "host": "127.0.0.1",
                "port": self.peer.dicom_port,
            },
        )
        peer = self._ensure(
            "/destinations/",
            {"name": "archive-peer", "kind": "peer", "url": f"{self.peer.http_url}/"},
        )
        self.destinations = {"modality": archive, "peer": peer}
        for name, expression, forwards in RULES:
            rule = {
                "name": name,
                "expression": expression,
                "destinations": [archive, peer] if forwards else [],
                "enforcement": "active",
                "stop_on_match": True,
            }
            self._ensure("/rules/", rule)

    def _ensure(self, path: str, wanted: dict[str, Any]) -> int:
        for entry in self.console.pages(path):
            if entry["name"] == wanted["name"]:
                answer = self.console.patch(f"{path}{entry['id']}/", wanted)
                return int(answer["id"])
        return int(self.console.post(path, wanted)["id"])

    def wait_for_node(self) -> None:
        """Wait until the plugin obeys what was configured."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            (node,) = (n for n in self.console.pages("/nodes/") if n["name"] == NODE)
            status = self.orthanc.get("/orthanc-console/status")
            lanes = [lane for lane in status.get("lanes", []) if lane["state"] != "failing"]
            if node["online"] and len(lanes) >= 2:
                return
            time.sleep(0.1)
        raise DemoError(f"The plugin did not come up within 30 s: {node['warnings']}")

    def send(self, samples: list[Sample], pace: float) -> None:
        """Send in one study after the other, by C-STORE and by REST in turn."""
        for number, sample in enumerate(samples):
            if number % 2:
                send_by_rest(sample.files, self.orthanc.http_url)
            else:
                orthanc = self.orthanc
                send_by_cstore(sample.files, "127.0.0.1", orthanc.dicom_port, orthanc.aet)
            time.sleep(pace)

    def check(self, samples: list[Sample]) -> None:
        """Wait until all is delivered, then compare both Orthancs.

        Raises:
            DemoError: with the first thing that is not as it should be.
        """
        deadline = time.monotonic() + CHECK_TIMEOUT
        problem = self._problem(samples)
        while problem and time.monotonic() < deadline:
            time.sleep(0.5)
            problem = self._problem(samples)
        if problem:
            raise DemoError(f"{problem}\n{OTHER_DATA}")

    def _problem(self, samples: list[Sample]) -> str:
        here, there = self.orthanc.instance_counts(), self.peer.instance_counts()
        shown = {
            study["study_instance_uid"]: study["id"] for study in self.console.pages("/studies/")
        }
        states: dict[int, dict[str, str]] = {}
        for kind, destination in self.destinations.items():
            for delivery in self.console.pages("/deliveries/", destination=destination):
                state = "delivered" if delivery["state"] == "verified" else delivery["state"]
                states.setdefault(delivery["study"], {})[kind] = state
        for sample in samples:
            if here.get(sample.uid) != len(sample.files):
                return f"{sample.uid}: Orthanc has {here.get(sample.uid)} of {len(sample.files)} instances."
            if sample.uid not in shown:
                return f"{sample.uid}: the console does not show the study."
            mine = states.get(shown[sample.uid], {})
            if not sample.forwarded:
                if sample.uid in there or mine:
                    return f"{sample.uid}: no rule matches it, but it was forwarded: {mine}."
            elif mine != {"modality": "delivered", "peer": "delivered"}:
                return f"{sample.uid}: expected to be delivered to a modality and a peer, but it is {mine}."
            elif there.get(sample.uid) != len(sample.files):
                return f"{sample.uid}: the destination has {there.get(sample.uid)} of {len(sample.files)} instances."
        return ""


DEFAULT_PORTS = {
    "PORT": 8000,
    "ORTHANC_HTTP": 8042,
    "ORTHANC_DICOM": 4242,
    "PEER_HTTP": 8043,
    "PEER_DICOM": 4243,
}


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise DemoError(f"{name}={text} is not a port number.")
    return int(text)


def _require_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is in use. Choose another one: make demo {name}=..."
            ) from error


def make_samples(folder: Path) -> list[Sample]:
    """Real files of pydicom under new UIDs, so that each run sends new studies, and generated ones."""
    samples = [
        _renewed(files, folder / f"pydicom-{number}")
        for number, files in enumerate(pydicom_samples().values())
    ]
    sizes = {"CT": (3, 12), "MR": (4, 8), "US": (2, 5), "CR": (2, 1)}
    for round_number, name in enumerate([{}, *ODD_NAMES[:3]]):
        for modality, (series, instances) in sizes.items():
            directory = folder / f"{modality}-{round_number}"
            files = make_study(
                directory, modality, series=series, instances=instances, rows=128, **name
            )
            samples.append(Sample(_uid(files), files))
    phantom = make_study(folder / "phantom", "US", series=1, instances=3, PatientID="PHANTOM")
    samples.append(Sample(_uid(phantom), phantom, forwarded=False))
    return samples


def _uid(files: list[Path]) -> str:
    return str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)


def _renewed(files: list[Path], folder: Path) -> Sample:
    folder.mkdir(parents=True)
    study = generate_uid()
    series: dict[str, str] = {}
    renewed = []
    for number, path in enumerate(files):
        image = pydicom.dcmread(path)
        image.StudyInstanceUID = study
        image.SeriesInstanceUID = series.setdefault(image.SeriesInstanceUID, generate_uid())
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        renewed.append(folder / f"{number}.dcm")
        image.save_as(renewed[-1])
    return Sample(str(study), renewed)


def say(text: str) -> None:
    print(text, flush=True)


def run(check: bool) -> None:
    """Run the demo.

    Raises:
        DemoError: it cannot run, or the check failed.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        say("Starting a console and two Orthancs …")
        demo = Demo(stack)
        demo.configure()
        demo.wait_for_node()
        say(
            f"\n  {demo.console.url}\n  user      {demo.console.user}\n  password  {demo.console.password}\n\n"
            f"  Orthanc with the plugin  {demo.orthanc.http_url}  DICOM {demo.orthanc.aet} on {demo.orthanc.dicom_port}\n"
            f"  the destination          {demo.peer.http_url}  DICOM {demo.peer.aet} on {demo.peer.dicom_port}\n"
        )
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orthanc-console-"))
        samples = make_samples(Path(folder))
        say(f"Sending {len(samples)} studies (ready after {time.monotonic() - begun:.0f} s) …")
        demo.send(samples, 0 if check else PACE)
        if not check:
            say("They pass now: look at Overview and Deliveries. Press Ctrl-C to stop.")
            signal.pause()
        demo.check(samples)
        say(
            f"All {len(samples) - 1} studies that a rule matches are at both destinations, complete; the phantom is not."
        )


def main() -> int:
    # Also where a shell started the demo in the background, with SIGINT ignored.
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.default_int_handler)
    try:
        run(check=os.environ.get("CHECK", "") not in ("", "0"))
    except (DemoError, ServerError, requests.RequestException) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
