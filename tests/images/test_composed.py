"""docker-compose.yml on the built images, from nothing to a study that arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests

from testbed.containers import Container
from testbed.http import HttpApi
from testbed.stack import Stack
from testbed.studies import make_study, send_by_cstore
from testbed.waiting import wait_for

LONG_RUNNING = ("console", "scheduler", "orthanc", "archive")
ARRIVED = ("delivered", "verified")
UNDERWAY = ("waiting", "sending", "held")


class Api(HttpApi):
    """The console's API, as the administrator."""

    def __init__(self, console: Container) -> None:
        super().__init__()
        self._address = console.address
        token = console.execute("python", "manage.py", "create_api_token", "admin").stdout.split()[
            -1
        ]
        # The name by which users of this machine reach it.
        self.session.headers.update({"Authorization": f"Bearer {token}", "Host": "localhost"})

    def base_url(self) -> str:
        return f"http://{self._address}:8000/api/v1"

    def deliveries(self, study_instance_uid: str) -> dict[str, str]:
        """State of each delivery of a study by the name of its destination."""
        studies = self.get("/studies/", search=study_instance_uid)["results"]
        names = {each["id"]: each["name"] for each in self.get("/destinations/")["results"]}
        return {
            names[delivery["destination"]]: delivery["state"]
            for study in studies
            for delivery in self.get("/deliveries/", study=study["id"])["results"]
        }

    def underway(self) -> list[dict[str, Any]]:
        """Deliveries that are not at their end."""
        listed = (self.get("/deliveries/", state=state)["results"] for state in UNDERWAY)
        return [delivery for page in listed for delivery in page]


@pytest.fixture(scope="module")
def api(stack: Stack) -> Api:
    return Api(stack.containers["console"])


@pytest.fixture(scope="module")
def samples_sent(stack: Stack) -> int:
    """How many of the profile's samples are on their way; rules and destinations are there, too."""
    samples = stack.containers["samples"]
    wait_for(lambda: not samples.running, "samples are sent", timeout=60)
    sent = re.search(r"Sent (\d+) studies", samples.log_text())
    assert sent is not None, samples.log_text()
    return int(sent[1])


def archive_counts(stack: Stack) -> dict[str, int]:
    address = f"http://{stack.containers['archive'].address}:8042"
    answer = requests.get(f"{address}/studies", params={"expand": ""}, timeout=10).json()
    return {
        study["MainDicomTags"]["StudyInstanceUID"]: len(
            requests.get(f"{address}/studies/{study['ID']}/instances", timeout=10).json()
        )
        for study in answer
    }


def wait_until_arrived(api: Api, files: list[Path]) -> str:
    """Wait until the study of these files is at both destinations; returns its StudyInstanceUID."""
    uid = str(pydicom.dcmread(files[0]).StudyInstanceUID)

    def arrived() -> bool:
        states = api.deliveries(uid)
        return set(states) == {"archive", "archive-peer"} and set(states.values()) <= set(ARRIVED)

    wait_for(arrived, "the study is delivered to both destinations", timeout=60, interval=0.5)
    return uid


def test_a_study_goes_from_c_store_to_delivered(
    stack: Stack, api: Api, samples_sent: int, tmp_path: Path
) -> None:
    files = make_study(tmp_path, "CT", series=2, instances=5)
    send_by_cstore(files, stack.containers["orthanc"].address, 4242, "ORTHANC")
    uid = wait_until_arrived(api, files)
    assert archive_counts(stack)[uid] == len(files)


def test_the_samples_arrive_and_the_phantom_stays(
    stack: Stack, api: Api, samples_sent: int
) -> None:
    # The other tests send their own beside them.
    wait_for(
        lambda: len(archive_counts(stack)) >= samples_sent - 1, "the samples arrive", timeout=60
    )
    wait_for(lambda: not api.underway(), "their deliveries are done", timeout=60, interval=0.5)
    [phantom] = api.get("/studies/", search="PHANTOM")["results"]
    assert phantom["study_instance_uid"] not in archive_counts(stack)
    assert api.get("/deliveries/", state="failed")["results"] == []


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_is_healthy(stack: Stack, name: str) -> None:
    container = stack.containers[name]
    assert container.running and container.is_ready()


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_process_is_not_root_and_cannot_become_it(stack: Stack, name: str) -> None:
    container = stack.containers[name]
    status = Path(f"/proc/{container.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in facts["Uid"].split() and "0" not in facts["Gid"].split()
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"] == "1"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_only_volumes_and_tmp_can_be_written(stack: Stack, name: str) -> None:
    container = stack.containers[name]
    container.execute("touch", "/tmp/probe")  # noqa: S108
    refused = container.execute("touch", "/opt/probe", "/etc/probe", "/var/probe", check=False)
    assert refused.stderr.count("Read-only file system") == 3


def test_a_service_sees_only_the_secrets_that_it_needs(stack: Stack) -> None:
    seen = {
        name: seen_secrets(stack.containers[name]) for name in ("console", "orthanc", "archive")
    }
    assert seen["console"] == {
        "console/admin_password",
        "console/database_url",
        "console/field_keys",
        "console/secret_key",
    }
    assert seen["orthanc"] == {"orthanc/password", "orthanc/token"}
    assert seen["archive"] == set()


def seen_secrets(container: Container) -> set[str]:
    # It complains of folders that it may not enter.
    find = container.execute("find", "/secrets", "-type", "f", "-readable", check=False)
    found = find.stdout.split()
    return {path.removeprefix("/secrets/") for path in found}


def test_the_administrator_signs_in_with_the_password_that_was_made(stack: Stack) -> None:
    console = stack.containers["console"]
    password = console.execute("cat", "/secrets/console/admin_password").stdout
    session, url = requests.Session(), f"http://{console.address}:8000/login/"
    session.headers["Host"] = "localhost"
    page = session.get(url, timeout=10)
    form = {
        "username": "admin",
        "password": password,
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    answer = session.post(url, data=form, timeout=10, allow_redirects=False)
    assert page.ok and answer.status_code == 302


def test_orthanc_lets_nobody_in_without_its_password(stack: Stack) -> None:
    orthanc = stack.containers["orthanc"]
    url = f"http://{orthanc.address}:8042/system"
    assert requests.get(url, timeout=10).status_code == 401
    password = orthanc.execute("cat", "/secrets/orthanc/password").stdout
    assert requests.get(url, auth=("orthanc", password), timeout=10).ok


def test_the_node_is_registered_and_has_no_warnings(
    stack: Stack, api: Api, samples_sent: int
) -> None:
    [node] = api.get("/nodes/")["results"]
    assert node["name"] == "orthanc" and node["online"]
    assert node["warnings"] == []


def test_starting_again_makes_nothing_anew(stack: Stack, api: Api) -> None:
    before = dict(secrets(stack))
    for name in ("secrets", "setup", "register"):
        stack.containers[name].run()
    assert dict(secrets(stack)) == before
    assert [user["name"] for user in api.get("/nodes/")["results"]] == ["orthanc"]


def secrets(stack: Stack) -> Iterator[tuple[str, str]]:
    for name in ("console", "database", "orthanc"):
        for path in sorted(stack.volume(f"secrets-{name}").iterdir()):
            yield f"{name}/{path.name}", path.read_text()


def test_orthanc_goes_on_in_a_new_container(
    stack: Stack, api: Api, samples_sent: int, tmp_path: Path
) -> None:
    orthanc = stack.containers["orthanc"]
    stored = orthanc_get(orthanc, "/statistics")["CountStudies"]
    orthanc.stop()
    orthanc.start()
    wait_for(orthanc.is_ready, "Orthanc is healthy again")
    files = make_study(tmp_path, "US", series=1, instances=2)
    send_by_cstore(files, orthanc.address, 4242, "ORTHANC")
    wait_until_arrived(api, files)
    assert orthanc_get(orthanc, "/statistics")["CountStudies"] == stored + 1
    assert orthanc_get(orthanc, "/orthanc-console/status")["warnings"] == []


def orthanc_get(orthanc: Container, path: str) -> Any:
    password = orthanc.execute("cat", "/secrets/orthanc/password").stdout
    url = f"http://{orthanc.address}:8042{path}"
    return requests.get(url, auth=("orthanc", password), timeout=10).json()


def test_secrets_are_closed_to_others(stack: Stack) -> None:
    for name in ("console", "database", "orthanc"):
        folder = stack.volume(f"secrets-{name}")
        for path in (folder, *folder.iterdir()):
            assert path.stat().st_mode & 0o007 == 0


def test_a_backup_can_be_taken_and_restored_inside(stack: Stack, api: Api) -> None:
    console, file = stack.containers["console"], "/tmp/console.backup"  # noqa: S108
    console.execute("python", "manage.py", "backup", file)
    restored = console.execute("python", "manage.py", "restore", file, "--replace")
    assert "are restored" in restored.stdout
    assert api.get("/nodes/")["results"][0]["name"] == "orthanc"
