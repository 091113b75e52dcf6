"""What sites use without the plugin, written anew for comparison: the simplest script that forwards each stable study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def on_stable(*urls: str) -> dict[str, Any]:
    """Orthanc's configuration for the Python script; it posts its jobs to the `urls`, such as `/modalities/x/store`."""
    return {"PythonScript": str(HERE / "on_stable.py"), "Baseline": {"Urls": urls}}


def autorouting(*urls: str) -> dict[str, Any]:
    """Orthanc's configuration for the Lua script."""
    return {"LuaScripts": [str(HERE / "on_stable.lua")], "Baseline": {"Urls": urls}}
