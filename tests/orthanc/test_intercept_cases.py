"""Mode by receiver by request: the status that the requester gets, the images at the target, the history.

docs/intercept.md says for each what it must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.console import ConsoleServer
from testbed.versions import OrthancVersion
from tests.orthanc.intercepting import IMAGES, Interception, intercepting
from tests.orthanc.moves import HANGS, Receiver, make_certificate

MODES = ("notify", "gate", "replace")
YES = ("200", "204", "slow")
NO = ("301", "400", "410", "429", "500", "hanging", "drip", "refused", "bad certificate", "reset")


@pytest.fixture(scope="module")
def here(
    shared_console: ConsoleServer,
    tmp_path_factory: pytest.TempPathFactory,
    orthanc_version: OrthancVersion,
    host_version: OrthancVersion,
) -> Iterator[Interception]:
    folder = tmp_path_factory.mktemp("intercept")
    with intercepting(shared_console, folder, orthanc_version, host_version) as found:
        yield found


@pytest.fixture(autouse=True)
def _clear(here: Interception) -> Iterator[None]:
    yield
    here.site.clear()
    here.site.settle()


@pytest.fixture
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    behaviour = request.param
    context = None
    if behaviour == "bad certificate":
        _certificate, context = make_certificate(tmp_path)
    found = Receiver(behaviour, context)
    if behaviour == "refused":
        found.close()
    yield found
    if behaviour != "refused":
        found.close()


def _state(mode: str, behaviour: str) -> str:
    if behaviour in YES:
        return "delivered"
    if behaviour == "410":
        return "failed"
    return "refused" if mode == "gate" and behaviour in ("400",) else "waiting"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("receiver", [*YES, *NO], indirect=True, ids=lambda text: text)
def test_each_mode_with_each_receiver(here: Interception, mode: str, receiver: Receiver) -> None:
    behaviour = receiver.behaviour
    hook = here.hook(receiver.url, mode=mode, timeout_seconds=4)
    answer, images = here.ask()

    passes = mode == "notify" or (mode == "gate" and behaviour in YES)
    succeeds = mode == "notify" or behaviour in YES
    assert answer.status == (0 if succeeds else here.refusal)
    assert images == (IMAGES if passes else 0)
    assert answer.seconds < HANGS / 2
    (webhook,) = here.wait_for(hook, _state(mode, behaviour))
    outcome = "sent" if passes else "replaced" if succeeds else "refused"
    assert here.request_of(webhook)["outcome"] == outcome
    (attempt, *_older) = here.attempts(webhook)
    assert attempt["outcome"] == ("succeeded" if behaviour in YES else "failed")
    assert attempt["error"] or attempt["response"]["status"]
    disabled = here.site.console.get(f"/webhook-targets/{hook['id']}/")["enforcement"]
    assert disabled == ("disabled" if behaviour == "410" else "active")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("receiver", ["200"], indirect=True)
@pytest.mark.parametrize("level", ["PATIENT", "SERIES", "IMAGE", "LIST"])
def test_each_mode_at_each_level(
    here: Interception, mode: str, receiver: Receiver, level: str
) -> None:
    hook = here.hook(receiver.url, mode=mode)
    keyword, number = {
        "PATIENT": ("PatientID", 4),
        "SERIES": ("SeriesInstanceUID", 2),
        "IMAGE": ("SOPInstanceUID", 1),
        "LIST": ("SOPInstanceUID", 2),
    }[level]
    value = here.tag(keyword)
    if level == "LIST":
        value += "\\" + here.tag(keyword, 1)
    answer, images = here.ask("IMAGE" if level == "LIST" else level, value)
    assert answer.status == 0
    assert images == (0 if mode == "replace" else number)
    (webhook,) = here.wait_for(hook, "delivered")
    assert here.request_of(webhook)["level"] == ("IMAGE" if level == "LIST" else level)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("receiver", ["200"], indirect=True)
@pytest.mark.parametrize("what", ["study", "target", "list"])
def test_each_mode_with_something_unknown(
    here: Interception, mode: str, receiver: Receiver, what: str
) -> None:
    hook = here.hook(receiver.url, mode=mode)
    value = {"study": "1.2.3.4", "target": "", "list": "1.2.3.4\\1.2.3.5"}[what]
    answer, images = here.ask("STUDY", value, "NOWHERE" if what == "target" else "TARGET")
    # What replaces a C-MOVE may know a study or a target that Orthanc does not.
    assert answer.status == (0 if mode == "replace" else here.refusal)
    assert images == 0
    (webhook,) = here.wait_for(hook, "delivered")
    assert here.request_of(webhook)["outcome"] == ("replaced" if mode == "replace" else "failed")
