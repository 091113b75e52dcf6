from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

PROGRAM = """
import sys, types
sys.path.insert(0, sys.argv[1])
module = types.ModuleType("orthanc")
module.GetConfiguration = lambda: "{}"
module.GenerateRestApiAuthorizationToken = lambda: "Bearer x"
module.routes = []
module.RegisterRestCallback = lambda uri, callback: module.routes.append(uri)
sys.modules["orthanc"] = module
import importlib.util
spec = importlib.util.spec_from_file_location("plugin", sys.argv[1] + "/orthanc-plugin.py")
plugin = importlib.util.module_from_spec(spec)
import threading
started = []
threading.Thread.start = lambda thread: started.append(thread)
spec.loader.exec_module(plugin)
assert module.routes, "no route was registered"
assert started and all(thread.daemon for thread in started), started
foreign = [
    name for name, found in sys.modules.items()
    if "site-packages" in (getattr(found, "__file__", None) or "")
]
assert not foreign, foreign
print("imported")
"""


def test_the_plugin_needs_only_the_standard_library() -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(REPOSITORY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "imported"
