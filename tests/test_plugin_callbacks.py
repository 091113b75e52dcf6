"""What the plugin asks of Orthanc's SDK: all at import, and nothing from its threads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

PROGRAM = """
import json, sys, threading, time, types
sys.path.insert(0, sys.argv[1])
main = threading.get_ident()
calls, foreign = [], []

class Recorder(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        def call(*arguments):
            calls.append([name, [a for a in arguments if isinstance(a, str)]])
            if threading.get_ident() != main:
                foreign.append(name)
            return {"GetConfiguration": json.dumps(configuration)}.get(name, "Bearer x")
        return call

configuration = {
    "HttpPort": int(sys.argv[2]),
    "OrthancConsole": {
        "Url": "http://127.0.0.1:" + sys.argv[2], "Token": "ocn_x", "StateDirectory": sys.argv[3],
        **json.loads(sys.argv[4]),
    },
}
sys.modules["orthanc"] = Recorder("orthanc")
import importlib.util
spec = importlib.util.spec_from_file_location("plugin", sys.argv[1] + "/orthanc-plugin.py")
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
at_import = list(calls)
time.sleep(2)
threads = [t for t in threading.enumerate() if t is not threading.main_thread()]
print(json.dumps({
    "at_import": at_import,
    "later": calls[len(at_import):],
    "foreign": foreign,
    "threads": len(threads),
    "daemon": all(t.daemon for t in threads),
}))
"""


FORBIDDEN = "OnChange and OnStored slow reception down, filters run for each request, and 1.13 may abort at its end."


def test_it_calls_the_sdk_only_at_import_and_registers_routes_alone(tmp_path: Path) -> None:
    seen = _run(tmp_path)
    names = [name for name, _arguments in seen["at_import"]]
    assert set(names) == {
        "GetConfiguration",
        "GenerateRestApiAuthorizationToken",
        "RegisterRestCallback",
    }, FORBIDDEN
    assert ["RegisterRestCallback", ["/orthanc-console/status"]] in seen["at_import"]
    assert seen["later"] == []
    assert seen["foreign"] == []
    assert seen["threads"] >= 5
    assert seen["daemon"]


def test_it_takes_over_c_move_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    seen = _run(tmp_path, InterceptMove=True)
    added = {name for name, _arguments in seen["at_import"] if name.startswith("Register")}
    assert {name.rstrip("23") for name in added} == {"RegisterRestCallback", "RegisterMoveCallback"}
    assert seen["later"] == []
    assert seen["foreign"] == []


def _run(folder: Path, **section: Any) -> dict[str, Any]:
    # Nothing listens on port 1, so each of the threads fails and tries again.
    arguments = [str(REPOSITORY), "1", str(folder / "state"), json.dumps(section)]
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    return seen
