from __future__ import annotations

import signal
from pathlib import Path

import pytest
import requests

from testbed.console import ConsoleServer
from testbed.processes import ServerError


def test_the_console_keeps_data_port_and_token_over_stop_and_start(console: ConsoleServer) -> None:
    token = console.create_node("PACS")
    assert len(token) > 20
    assert [node["name"] for node in console.pages("/nodes/")] == ["PACS"]
    stopped = console.stop()
    assert stopped.exit_code in (0, -signal.SIGTERM)
    with pytest.raises(requests.ConnectionError):
        console.get("/nodes/")
    console.start()
    assert [node["name"] for node in console.pages("/nodes/")] == ["PACS"]


def test_a_second_run_on_the_same_folder_has_the_same_administrator(
    console: ConsoleServer,
) -> None:
    console.create_user("bob", "operator")
    console.stop()
    with ConsoleServer(console.directory) as again:
        assert again.get("/nodes/")["results"] == []
        with pytest.raises(ServerError, match="bob"):
            again.create_user("bob", "operator")


def test_a_console_without_its_data_folder_says_why_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "console.sqlite3").mkdir(parents=True)
    with pytest.raises(ServerError, match=r"migrate"):
        ConsoleServer(tmp_path).start()
