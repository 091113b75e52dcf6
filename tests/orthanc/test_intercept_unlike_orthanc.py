"""The few C-MOVEs that end otherwise than with plain Orthanc, as docs/intercept.md says, and those sent in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.versions import OrthancVersion
from testbed.waiting import free_port, wait_for
from tests.orthanc.intercepting import Interception, intercepting
from tests.orthanc.moves import MoveAnswer, move

PICKY = """
import json
import orthanc

seen = set()


def refuse_the_third(received):
    uid = json.loads(received.GetInstanceSimplifiedJson())["SOPInstanceUID"]
    if uid not in seen and len(seen) == 2:
        return 0xA700
    seen.add(uid)
    return 0


orthanc.RegisterIncomingCStoreInstanceFilter(refuse_the_third)
"""


def _both(
    start: Callable[..., OrthancServer],
    here: Interception,
    version: OrthancVersion,
    configuration: dict[str, Any],
    modality: Callable[[str], list[Any]],
) -> tuple[MoveAnswer, MoveAnswer]:
    """The same C-MOVE to a plain Orthanc and to the one that intercepts, each to a modality of its own."""
    plain = start("plain", configuration, version=version)
    for path in here.files:
        plain.request("POST", "/instances", data=path.read_bytes()).raise_for_status()
    answers = []
    for name, server in (("one", plain), ("two", here.site.orthanc)):
        server.put(f"/modalities/{name}", modality(name))
        answers.append(move(server, "STUDY", here.study, name.upper()))
    return answers[0], answers[1]


def test_a_failure_after_the_first_image_is_a_warning(
    start_orthanc: Callable[..., OrthancServer],
    shared_console: ConsoleServer,
    tmp_path: Path,
    orthanc_version: OrthancVersion,
    host_version: OrthancVersion,
) -> None:
    script = tmp_path / "picky.py"
    script.write_text(PICKY)

    def picky(name: str) -> list[Any]:
        scripted = {"PythonScript": str(script)}
        return start_orthanc(name, scripted, version=host_version).as_modality()

    with intercepting(shared_console, tmp_path / "site", orthanc_version, host_version) as here:
        theirs, ours = _both(start_orthanc, here, orthanc_version, {}, picky)
        assert theirs.status == 0xC000
        assert ours.status == 0xB000
        assert ours.failed == 1

        def shown() -> list[tuple[str, int]]:
            rows = here.site.console.get("/move-requests/", node=here.site.node_id)["results"]
            return [(row["outcome"], row["sent_count"]) for row in rows]

        wait_for(lambda: shown() == [("failed", 2)], "the history counts what arrived")


def test_in_the_background_everything_is_promised_at_once_as_by_plain_orthanc(
    start_orthanc: Callable[..., OrthancServer],
    shared_console: ConsoleServer,
    tmp_path: Path,
    orthanc_version: OrthancVersion,
    host_version: OrthancVersion,
) -> None:
    background = {"SynchronousCMove": False}
    with intercepting(
        shared_console, tmp_path / "site", orthanc_version, host_version, background
    ) as here:

        def down(name: str) -> list[Any]:
            return [name.upper(), "127.0.0.1", free_port()]

        theirs, ours = _both(start_orthanc, here, orthanc_version, background, down)
        assert theirs.status == ours.status == 0
        if here.variant > 1:
            assert ours.completed == theirs.completed == len(here.files)
        assert here.move().success
        wait_for(lambda: len(here.target.get("/instances")) == len(here.files), "they arrive")


def test_without_a_level_it_is_refused(
    shared_console: ConsoleServer,
    tmp_path: Path,
    orthanc_version: OrthancVersion,
    host_version: OrthancVersion,
) -> None:
    with intercepting(shared_console, tmp_path, orthanc_version, host_version) as here:
        answer = move(here.site.orthanc, "", here.study, "TARGET", key="STUDY")
        assert answer.status == here.refusal
