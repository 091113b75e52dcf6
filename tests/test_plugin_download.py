"""The plugin can be had from the console, complete and able to run on the standard library alone."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.test import Client

from tests.agent import Agent

pytestmark = pytest.mark.django_db

URL = "/agent/plugin.zip"
PACKAGES = ("orthanc_console.plugin", "routing.conditions", "routing.plugin")
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
"""


def test_it_needs_a_user_or_a_node(charlie_client: Client) -> None:
    assert Client().get(URL).status_code == 401
    assert charlie_client.get(URL).status_code == 200
    token = {"Authorization": f"Bearer {Agent().token}"}
    assert Client().get(URL, headers=token).status_code == 200


def test_it_is_complete_and_needs_nothing_else(charlie_client: Client, tmp_path: Path) -> None:
    answer = charlie_client.get(URL)
    assert answer["Content-Type"] == "application/zip"
    assert 'filename="orthanc-console-plugin-' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert "orthanc-plugin.py" in names
    assert not [name for name in names if "models" in name]
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT_ALL, str(tmp_path), *PACKAGES],
        check=True,
        cwd=tmp_path,
    )


def test_the_same_plugin_makes_the_same_file(charlie_client: Client) -> None:
    assert charlie_client.get(URL).content == charlie_client.get(URL).content
