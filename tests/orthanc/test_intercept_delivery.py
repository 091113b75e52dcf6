"""Webhooks arrive whatever happens meanwhile, and never stand in the way of DICOM."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from testbed.console import ConsoleServer
from testbed.studies import make_study, send_by_cstore
from testbed.versions import OrthancVersion
from testbed.waiting import free_port, wait_for
from tests.orthanc.intercepting import IMAGES, Interception, intercepting
from tests.orthanc.moves import HANGS, move, running_receiver


@pytest.fixture
def here(
    shared_console: ConsoleServer,
    tmp_path: Path,
    orthanc_version: OrthancVersion,
    host_version: OrthancVersion,
) -> Iterator[Interception]:
    with intercepting(shared_console, tmp_path, orthanc_version, host_version) as found:
        yield found
        found.site.clear()


def test_a_hundred_webhooks_that_wait_survive_a_kill(here: Interception) -> None:
    port = free_port()
    hook = here.hook(f"http://127.0.0.1:{port}/hook", mode="notify")
    for _number in range(100):
        move(here.site.orthanc, "STUDY", "1.2.3.4", "TARGET")
    here.site.orthanc.kill()
    with running_receiver(port=port) as receiver:
        here.site.start()
        wait_for(lambda: len(receiver.ids()) == 100, "100 messages have arrived", 90)
        # The receiver can tell repetitions: each id stands for one C-MOVE.
        requests = {request.id: request.data()["request_id"] for request in receiver.requests}
        assert len(set(requests.values())) == 100
        wait_for(
            lambda: sum(w["state"] == "delivered" for w in here.webhooks(hook)) == 100,
            "the console shows all of them",
            30,
        )


def test_a_receiver_that_comes_back_is_told_under_the_same_id(here: Interception) -> None:
    with running_receiver("500") as receiver:
        hook = here.hook(receiver.url, mode="notify")
        here.ask()
        wait_for(lambda: receiver.requests, "a first attempt")
        receiver.behaviour = "200"
        wait_for(lambda: len(receiver.requests) == 2, "a second attempt", 15)
        assert len(receiver.ids()) == 1
        (webhook,) = here.wait_for(hook, "delivered")
        assert webhook["attempts"] == 2
        first, second = here.attempts(webhook)[::-1]
        assert (first["response"]["status"], second["response"]["status"]) == (500, 200)


def test_the_receiver_says_when_to_come_again(here: Interception) -> None:
    with running_receiver("429") as receiver:
        receiver.headers = {"Retry-After": "600"}
        hook = here.hook(receiver.url, mode="notify")
        here.ask()
        (webhook,) = here.wait_for(hook, "waiting")
        created, then = webhook["created_at"], webhook["next_attempt_at"]
        assert _seconds(then) - _seconds(created) >= 600


def test_a_webhook_needs_no_console(here: Interception, shared_console: ConsoleServer) -> None:
    with running_receiver() as receiver:
        here.hook(receiver.url, mode="gate")
        here.site.orthanc.stop()
        here.site.orthanc.configuration["OrthancConsole"]["Url"] = "http://127.0.0.1:9"
        here.site.orthanc.start()
        answer, images = here.ask()
        assert (answer.status, images) == (0, IMAGES)
        assert len(receiver.requests) == 1
    here.site.orthanc.stop()
    here.site.orthanc.configuration["OrthancConsole"]["Url"] = shared_console.url
    here.site.start()
    shown = wait_for(
        lambda: shared_console.get("/move-requests/", node=here.site.node_id)["results"],
        "the console is told of it",
    )
    assert [each["outcome"] for each in shown] == ["sent"]


def test_several_targets_are_asked_at_once_and_a_slow_one_delays_no_other(
    here: Interception,
) -> None:
    with running_receiver("hanging") as slow, running_receiver() as fast:
        here.hook(slow.url, mode="notify", timeout_seconds=20)
        here.hook(slow.url, mode="gate", on_timeout="allow")
        here.hook(fast.url, mode="notify")
        here.hook(fast.url, mode="gate")
        started = time.monotonic()
        answer, images = here.ask()
        assert (answer.status, images) == (0, IMAGES)
        assert answer.seconds < HANGS / 2
        assert len(fast.requests) == 2
        # The slow gate holds the answer back as long as it may; asked one after another, the fast one would come then.
        assert all(request.at < started + answer.seconds - 0.5 for request in fast.requests)


def test_one_no_among_several_refuses(here: Interception) -> None:
    with running_receiver("403") as no, running_receiver() as yes:
        here.hook(yes.url, mode="gate")
        here.hook(no.url, mode="gate")
        here.hook(yes.url, mode="replace")
        answer, images = here.ask()
        assert (answer.status, images) == (here.refusal, 0)


def test_conditions_choose_by_request_and_by_study(here: Interception) -> None:
    with running_receiver() as receiver:
        here.hook(f"{receiver.url}/ct", expression='Modality == "CT" and TargetAET == "TARGET"')
        here.hook(f"{receiver.url}/mr", expression='Modality == "MR"')
        here.hook(f"{receiver.url}/images", expression='Level == "IMAGE"')
        here.hook(f"{receiver.url}/dry", enforcement="dry_run")
        here.ask()
        here.ask("IMAGE", here.tag("SOPInstanceUID"))
        expected = ["/hook/ct", "/hook/ct", "/hook/images"]
        wait_for(lambda: len(receiver.requests) >= 3, "messages")
        time.sleep(0.5)
        assert sorted(request.path for request in receiver.requests) == expected


def test_the_receiver_of_the_old_script_keeps_working(here: Interception) -> None:
    with running_receiver() as receiver:
        url = f"{receiver.url}?study_uid={{study_uid}}&target_aet={{target_aet}}"
        here.hook(url, method="GET", mode="replace")
        answer, images = here.ask("STUDY", "1.2.3.4", "BLAH")
        assert (answer.status, images) == (0, 0)
        (request,) = receiver.requests
        assert request.method == "GET"
        assert request.path == "/hook?study_uid=1.2.3.4&target_aet=BLAH"


def test_a_message_is_signed_documented_and_tested_by_hand(here: Interception) -> None:
    with running_receiver() as receiver:
        hook = here.hook(receiver.url)
        here.ask()
        wait_for(lambda: receiver.requests, "the message")
        request = receiver.requests[0]
        data = Webhook(hook["signing_secret"]).verify(request.body, request.headers)
        assert data["type"] == "move.requested"
        assert data["data"]["study_instance_uids"] == [here.study]
        assert data["data"]["patient_id"] == here.patient
        assert data["data"]["target_aet"] == "TARGET"
        secret = here.site.console.post(f"/webhook-targets/{hook['id']}/new-secret/")["secret"]
        here.site.settle()
        result = here.site.console.post(f"/webhook-targets/{hook['id']}/test/")
        assert result["ok"] is True, result
        tested = receiver.requests[-1]
        for each in (secret, hook["signing_secret"]):
            assert Webhook(each).verify(tested.body, tested.headers)["type"] == "test"
        shown = str(here.site.console.get(f"/webhook-deliveries/{result['delivery']}/"))
        assert secret not in shown


def test_a_message_is_sent_again_by_hand_under_the_same_id(here: Interception) -> None:
    with running_receiver() as receiver:
        hook = here.hook(receiver.url)
        here.ask()
        (webhook,) = here.wait_for(hook, "delivered")
        here.site.console.post(f"/webhook-deliveries/{webhook['id']}/redeliver/")
        wait_for(lambda: len(receiver.requests) == 2, "the repetition")
        assert receiver.ids() == {webhook["id"]}


def test_dicom_goes_on_while_a_receiver_hangs(here: Interception, tmp_path: Path) -> None:
    files = make_study(tmp_path / "more", "CT", series=1, instances=1, rows=8)
    stop = time.monotonic() + 30
    slowest = {"echo": 0.0, "store": 0.0}
    moves: list[threading.Thread] = []

    def ask() -> None:
        move(here.site.orthanc, "STUDY", "1.2.3.4", "TARGET")

    with running_receiver("hanging") as receiver:
        here.hook(receiver.url, mode="gate", timeout_seconds=10)
        while time.monotonic() < stop:
            begun = time.monotonic()
            for _number in range(8):
                moves.append(threading.Thread(target=ask, daemon=True))
                moves[-1].start()
            slowest["echo"] = max(slowest["echo"], _echo(here))
            at = time.monotonic()
            send_by_cstore(files, "127.0.0.1", here.site.orthanc.dicom_port, "NODE")
            slowest["store"] = max(slowest["store"], time.monotonic() - at)
            time.sleep(max(0.0, 1 - (time.monotonic() - begun)))
        for each in moves:
            each.join(30)
    # A C-MOVE waits for 3 seconds at most (DEADLINE); were all threads of Orthanc to wait, 240 would stand before the last echo.
    assert max(slowest.values()) < 10, slowest


def _echo(here: Interception) -> float:
    started = time.monotonic()
    port = str(here.site.orthanc.dicom_port)
    command = ["echoscu", "-aec", "NODE", "127.0.0.1", port]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    return time.monotonic() - started


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_move_under_way_when_orthanc_dies_is_shown_as_interrupted(here: Interception) -> None:
    with running_receiver("hanging") as receiver:
        here.hook(receiver.url, mode="gate", timeout_seconds=3)
        thread = threading.Thread(target=lambda: _move_that_dies(here), daemon=True)
        thread.start()
        wait_for(lambda: receiver.requests, "the gate is asked")
        here.site.orthanc.kill()
        thread.join(30)
    here.site.start()

    def shown() -> bool:
        rows = here.site.console.get("/move-requests/", node=here.site.node_id)["results"]
        return [row["outcome"] for row in rows] == ["interrupted"]

    wait_for(shown, "the C-MOVE is shown as interrupted")


def _move_that_dies(here: Interception) -> None:
    port = str(here.site.orthanc.dicom_port)
    keys = ["-k", "0008,0052=STUDY", "-k", f"0020,000d={here.study}"]
    subprocess.run(
        ["movescu", "-S", "-aec", "NODE", "-aem", "TARGET", *keys, "127.0.0.1", port],
        capture_output=True,
        check=False,
        timeout=60,
    )
