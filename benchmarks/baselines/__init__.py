"""What sites use without the plugin, written anew for comparison: the simplest script that forwards each stable study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def on_stable(url: str) -> dict[str, Any]:
    """Orthanc's configuration for the Python script; `url` is where it posts its jobs, such as `/modalities/x/store`."""
    return {"PythonScript": str(HERE / "on_stable.py"), "Baseline": {"Url": url}}


def autorouting(url: str) -> dict[str, Any]:
    """Orthanc's configuration for the Lua script."""
    return {"LuaScripts": [str(HERE / "on_stable.lua")], "Baseline": {"Url": url}}
