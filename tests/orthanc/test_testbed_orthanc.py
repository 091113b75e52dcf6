from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from testbed.orthanc import OrthancServer
from testbed.processes import ServerError
from testbed.studies import (
    ODD_NAMES,
    make_study,
    pydicom_samples,
    send_by_cstore,
    send_by_rest,
)
from testbed.versions import OrthancVersion

StartOrthanc = Callable[..., OrthancServer]


@pytest.fixture
def empty_script(tmp_path: Path) -> dict[str, str]:
    script = tmp_path / "empty.py"
    script.write_text("print('the script was loaded')\n")
    return {"PythonScript": str(script)}


def test_each_version_loads_a_script_and_stops_with_exit_status_0(
    orthanc_version: OrthancVersion, start_orthanc: StartOrthanc, empty_script: dict[str, str]
) -> None:
    server = start_orthanc("node", empty_script, version=orthanc_version)
    assert {"python", "dicom-web"} <= set(server.get("/plugins"))
    assert server.get("/system")["Version"] == orthanc_version.full_number()
    stopped = server.stop()
    assert stopped.exit_code == 0
    assert stopped.seconds < 10
    assert not server.running


def test_each_version_takes_studies_by_cstore_and_by_rest(
    orthanc_version: OrthancVersion, start_orthanc: StartOrthanc, tmp_path: Path
) -> None:
    server = start_orthanc("node", version=orthanc_version)
    sent = make_study(tmp_path / "ct", "CT", series=2, instances=3)
    send_by_cstore(sent, "127.0.0.1", server.dicom_port, server.aet)
    posted = make_study(tmp_path / "mr", "MR", series=1, instances=2)
    answers = send_by_rest(posted, server.http_url)
    assert [answer["Status"] for answer in answers] == ["Success"] * 2
    assert sorted(server.instance_counts().values()) == [2, 6]


def test_each_version_takes_every_sample_that_pydicom_ships(
    orthanc_version: OrthancVersion, start_orthanc: StartOrthanc
) -> None:
    server = start_orthanc("node", version=orthanc_version)
    samples = pydicom_samples()
    files = [path for study in samples.values() for path in study]
    send_by_cstore(files, "127.0.0.1", server.dicom_port, server.aet)
    assert server.instance_counts() == {uid: len(study) for uid, study in samples.items()}


def test_a_killed_server_has_its_data_when_it_starts_again(
    orthanc_version: OrthancVersion, start_orthanc: StartOrthanc, tmp_path: Path
) -> None:
    server = start_orthanc("node", version=orthanc_version)
    send_by_rest(make_study(tmp_path / "us", "US", series=1, instances=4), server.http_url)
    before = server.instance_counts()
    assert server.kill().exit_code == -signal.SIGKILL
    server.start()
    assert server.instance_counts() == before
    assert list(before.values()) == [4]


def test_each_version_sees_the_folder_of_the_plugins_state(
    orthanc_version: OrthancVersion, start_orthanc: StartOrthanc, tmp_path: Path
) -> None:
    state = tmp_path / "state" / "inner"
    script = tmp_path / "scripts" / "writes.py"
    script.parent.mkdir()
    script.write_text(f"import os; os.makedirs({str(state)!r}); open({str(state / 'x')!r}, 'w')\n")
    start_orthanc(
        "node",
        {"PythonScript": str(script), "OrthancConsole": {"StateDirectory": str(state)}},
        version=orthanc_version,
    )
    assert (state / "x").exists()


def test_names_in_odd_character_sets_arrive_as_they_are(
    start_orthanc: StartOrthanc, tmp_path: Path
) -> None:
    server = start_orthanc("node")
    for seed, odd in enumerate(ODD_NAMES):
        study = make_study(tmp_path / "odd", "CR", series=1, instances=1, seed=seed, **odd)
        send_by_cstore(study, "127.0.0.1", server.dicom_port, server.aet)
    stored = server.get("/studies?expand")
    names = {study["PatientMainDicomTags"]["PatientName"] for study in stored}
    assert names == {odd["PatientName"] for odd in ODD_NAMES}


def test_two_servers_reach_each_other_as_modality_and_as_peer(
    start_orthanc: StartOrthanc, destination: OrthancServer
) -> None:
    secured = start_orthanc("secured", credentials=("alice", "secret"))
    node = start_orthanc(
        "node",
        {
            "DicomModalities": {"destination": destination.as_modality()},
            "OrthancPeers": {"secured": secured.as_peer()},
        },
    )
    node.post("/modalities/destination/echo")
    assert node.get("/peers/secured/system")["DicomAet"] == "SECURED"


def test_a_password_is_asked_of_whoever_has_none(start_orthanc: StartOrthanc) -> None:
    server = start_orthanc("secured", credentials=("alice", "secret"))
    assert requests.get(f"{server.http_url}/system", timeout=10).status_code == 401
    assert server.get("/system")["DicomAet"] == "SECURED"


def test_a_server_that_does_not_start_says_why(start_orthanc: StartOrthanc) -> None:
    first = start_orthanc("first")
    with pytest.raises(ServerError, match=r"(?s)exit status.*server.*port"):
        start_orthanc("second", http_port=first.http_port)


def test_cstore_says_which_instances_were_not_stored(tmp_path: Path) -> None:
    study = make_study(tmp_path, "CT", series=1, instances=1)
    with pytest.raises(RuntimeError, match="cannot negotiate network association"):
        send_by_cstore(study, "127.0.0.1", 1, "NOBODY")
