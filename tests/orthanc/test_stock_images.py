"""docs/stock-images.md with a real Orthanc that is configured as these images configure it.

The variables come from the page itself. `orthancteam` makes settings of them by the same rules as the image: names in capitals
become names in camel case, two underscores go one level down, and each value is read as JSON if it can be.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from testbed.console import ConsoleServer
from testbed.orthanc import FAST_DICOM, REPOSITORY, OrthancServer
from testbed.studies import make_study, send_by_rest
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.moves import move
from tests.orthanc.site import unique

PAGE = (REPOSITORY / "docs" / "stock-images.md").read_text(encoding="utf-8")
TEAM, JODOGNE, OWN_SCRIPT = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
)
JODOGNE_FILE = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.S)[0])

OWN = """
import json
import orthanc
import words
seen = []
def on_change(change, level, resource):
    seen.append("change")
def on_stored(dicom, instance):
    seen.append("stored")
def answer(output, uri, **request):
    output.AnswerBuffer(json.dumps({"word": words.WORD, "seen": sorted(set(seen))}), "application/json")
orthanc.RegisterOnChangeCallback(on_change)
orthanc.RegisterOnStoredInstanceCallback(on_stored)
orthanc.RegisterRestCallback("/mine", answer)
"""
MOVES = """
import orthanc
orthanc.RegisterMoveCallback(lambda **request: None)
def answer(output, uri, **request):
    output.AnswerBuffer("here", "text/plain")
orthanc.RegisterRestCallback("/after-move", answer)
raise RuntimeError("the archive is not known")
"""


def orthancteam(environment: Mapping[str, str], files: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that orthancteam/orthanc makes of the files in /etc/orthanc and of the variables."""
    configuration = json.loads(json.dumps(files))
    for name, value in environment.items():
        if not name.startswith("ORTHANC__"):
            continue
        try:
            setting = json.loads(value)
        except ValueError:
            setting = value
        for word in reversed(name.split("__")[1:]):
            setting = {"".join(part.capitalize() for part in word.split("_")): setting}
        _merge(configuration, setting)
    return configuration


def _merge(into: dict[str, Any], settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if isinstance(value, dict) and name in into:
            _merge(into[name], value)
        else:
            into[name] = value


@dataclass
class Image:
    """A node of the console, and the folder that is mounted."""

    console: ConsoleServer
    folder: Path
    id: int
    token: str

    def fill_in(self, text: str) -> str:
        """What the page says, for this node."""
        for example, own in (
            ("/usr/share/orthanc-console", str(self.folder / "orthanc-console")),
            ("/python", str(self.folder / "python")),
            ("http://console:8000", self.console.url),
            ("ocn_...", self.token),
        ):
            text = text.replace(example, own)
        return text

    def variables(self, service: dict[str, Any]) -> dict[str, str]:
        return {name: self.fill_in(value) for name, value in service["environment"].items()}

    def script(self, name: str, text: str) -> None:
        folder = self.folder / "python"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def node(self) -> dict[str, Any]:
        node: dict[str, Any] = self.console.get(f"/nodes/{self.id}/")
        return node

    def wait_online(self) -> list[dict[str, str]]:
        """The node's warnings once it is online."""
        wait_for(lambda: self.node()["online"], "the node is online", 15)
        warnings: list[dict[str, str]] = self.node()["warnings"]
        return warnings


@pytest.fixture
def image(shared_console: ConsoleServer, tmp_path: Path) -> Image:
    node = shared_console.post("/nodes/", {"name": unique("image")})
    answer = requests.get(
        f"{shared_console.url}/agent/plugin.zip",
        headers={"Authorization": f"Bearer {node['token']}"},
        timeout=30,
    )
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "orthanc-console")
    return Image(shared_console, tmp_path, node["id"], node["token"])


def test_the_page_asks_for_one_mount_and_two_variables() -> None:
    for page in (TEAM, JODOGNE):
        service = page["services"]["orthanc"]
        assert len(service["environment"]) == 2
        assert [each for each in service["volumes"] if "orthanc-console" in each] == [
            "./orthanc-console:/usr/share/orthanc-console:ro"
        ]


def test_orthancteam_with_a_script_of_ones_own(
    image: Image,
    orthanc_version: OrthancVersion,
    start_orthanc: Callable[..., OrthancServer],
    tmp_path: Path,
) -> None:
    image.script("mine.py", OWN)
    image.script("words.py", "WORD = 'own'")
    variables = image.variables(OWN_SCRIPT)
    configuration = orthancteam(variables, {"PythonScript": "/python/mine.py"})
    orthanc = start_orthanc(
        "team",
        configuration,
        version=orthanc_version,
        environment={**FAST_DICOM, **variables},
        folders=[image.folder],
    )
    assert image.wait_online() == []
    send_by_rest(make_study(tmp_path / "study", instances=1, rows=8), orthanc.http_url)
    wait_for(lambda: len(orthanc.get("/mine")["seen"]) == 2, "its callbacks were called")
    assert orthanc.get("/mine")["word"] == "own"
    assert orthanc.get("/orthanc-console/status")["plugin_version"]


def test_a_script_that_fails_and_one_that_answers_c_move_leave_the_plugin_alone(
    image: Image, orthanc_version: OrthancVersion, start_orthanc: Callable[..., OrthancServer]
) -> None:
    image.script("moves.py", MOVES)
    section = {
        "Url": image.console.url,
        "Token": image.token,
        "InterceptMove": True,
        "AlsoLoad": [image.fill_in(path) for path in ("/python/moves.py", "/python/gone.py")],
    }
    script = image.fill_in("/usr/share/orthanc-console/orthanc-plugin.py")
    orthanc = start_orthanc(
        "clash",
        {"PythonScript": script, "OrthancConsole": section},
        version=orthanc_version,
        folders=[image.folder],
    )
    warnings = {each["code"]: each["message"] for each in image.wait_online()}
    assert set(warnings) == {"also_load", "own_move"}
    assert "RuntimeError: the archive is not known" in warnings["also_load"]
    assert "gone.py" in warnings["also_load"]
    assert orthanc.request("GET", "/after-move").text == "here"
    # The script's own callback would have called it a success.
    assert not move(orthanc, "STUDY", "1.2.3.4", "NOWHERE").success
    wait_for(
        lambda: image.console.get("/move-requests/", node=image.id)["results"],
        "the plugin recorded the C-MOVE",
    )


def test_orthancteam_with_two_variables(
    image: Image, host_version: OrthancVersion, start_orthanc: Callable[..., OrthancServer]
) -> None:
    variables = image.variables(TEAM["services"]["orthanc"])
    start_orthanc(
        "team",
        orthancteam(variables, {}),
        version=host_version,
        environment={**FAST_DICOM, **variables},
    )
    assert image.wait_online() == []


def test_jodogne_with_two_variables_which_win_over_a_file(
    image: Image, host_version: OrthancVersion, start_orthanc: Callable[..., OrthancServer]
) -> None:
    variables = image.variables(JODOGNE["services"]["orthanc"])
    script = image.fill_in(JODOGNE_FILE["PythonScript"])
    section = {"Url": "http://127.0.0.1:1", "Token": 31415926}
    start_orthanc(
        "jodogne",
        {"PythonScript": script, "OrthancConsole": section},
        version=host_version,
        environment={**FAST_DICOM, **variables},
    )
    assert image.wait_online() == []


def test_a_token_that_became_a_number_is_refused_by_name(
    image: Image, host_version: OrthancVersion, start_orthanc: Callable[..., OrthancServer]
) -> None:
    variables = {
        **image.variables(TEAM["services"]["orthanc"]),
        "ORTHANC__ORTHANC_CONSOLE__TOKEN": "31415926",
    }
    configuration = orthancteam(variables, {})
    assert configuration["OrthancConsole"]["Token"] == 31415926
    orthanc = start_orthanc("number", configuration, version=host_version)

    def warnings() -> dict[str, str]:
        status = orthanc.get("/orthanc-console/status")
        return {each["code"]: each["message"] for each in status["warnings"]}

    wait_for(lambda: "token" in warnings().get("console", ""), "it says that the token is wrong")
