"""docs/install.md with the files of Debian's packages, and with the user that the package makes."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from testbed.console import ConsoleServer
from testbed.orthanc import REPOSITORY
from testbed.processes import Server
from testbed.versions import BINARY, OrthancVersion
from testbed.waiting import free_port, wait_for
from tests.orthanc.site import unique

PAGE = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
DEBIAN = Path("/etc/orthanc")
SCRIPT = "/usr/share/orthanc-console"
STATE = "/var/lib/orthanc/orthanc-console"


class PackagedOrthanc(Server):
    """An Orthanc of the user `orthanc`, with all of the package's configuration in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("Debian's Orthanc", folder / "orthanc.log")
        self.folder = folder
        self.http_port = free_port()

    def command(self) -> list[str]:
        user = ["setpriv", "--reuid=orthanc", "--regid=orthanc", "--init-groups"]
        return [*user, BINARY, str(self.folder / "etc")]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

    def is_ready(self) -> bool:
        return "Orthanc has started" in self.log_text(since_start=True)


@pytest.fixture
def packaged(host_version: OrthancVersion) -> Iterator[PackagedOrthanc]:
    """It has a folder that another user can enter, and ports that are free."""
    if os.geteuid() != 0:
        pytest.skip("becoming the user orthanc needs root")
    folder = Path(tempfile.mkdtemp(prefix="orthanc-console-"))
    folder.chmod(0o755)
    shutil.copytree(DEBIAN, folder / "etc")
    (folder / "lib").mkdir()
    for path in (folder / "lib", *(folder / "etc").iterdir()):
        shutil.chown(path, "orthanc", "orthanc")
    orthanc = PackagedOrthanc(folder)
    main = folder / "etc" / "orthanc.json"
    text = main.read_text(encoding="utf-8").replace("/var/lib/orthanc/", f"{folder}/lib/")
    text = text.replace('"HttpPort" : 8042', f'"HttpPort" : {orthanc.http_port}')
    main.write_text(text.replace('"DicomPort" : 4242', f'"DicomPort" : {free_port()}'))
    yield orthanc
    if orthanc.running:
        orthanc.kill()
    shutil.rmtree(folder)


def test_the_page_attaches_it(packaged: PackagedOrthanc, shared_console: ConsoleServer) -> None:
    node = shared_console.post("/nodes/", {"name": unique("debian")})
    _unpack(shared_console, node["token"], packaged.folder / "plugin")

    def here(text: str) -> str:
        text = text.replace("http://console:8000", shared_console.url)
        text = text.replace("ocn_...", node["token"]).replace(SCRIPT, f"{packaged.folder}/plugin")
        return text.replace(STATE, f"{packaged.folder}/lib/state").replace(
            "/etc/orthanc", f"{packaged.folder}/etc"
        )

    (edit,) = re.findall(r"^sudo (sed .*)$", PAGE, re.M)
    assert " /etc/orthanc/" in edit
    subprocess.run(["sh", "-c", here(edit)], check=True)
    (settings,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    (packaged.folder / "etc" / "orthanc-console.json").write_text(here(settings))

    packaged.start()
    url = f"/nodes/{node['id']}/"
    wait_for(lambda: shared_console.get(url)["online"], "the node is online", 15)
    assert shared_console.get(url)["warnings"] == []
    assert (packaged.folder / "lib" / "state").owner() == "orthanc"


def _unpack(console: ConsoleServer, token: str, folder: Path) -> None:
    answer = requests.get(
        f"{console.url}/agent/plugin.zip", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(folder)
