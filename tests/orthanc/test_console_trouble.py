"""A console that refuses, is another, or is none: forwarding goes on, and it is said what is wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.studies import make_study
from testbed.versions import OrthancVersion
from testbed.waiting import wait_for
from tests.orthanc.peer import Peer
from tests.orthanc.site import PLUGIN, Site, unique

STATUS = "/orthanc-console/status"


@contextmanager
def page(port: int, status: int) -> Iterator[None]:
    """Answer every report with an HTML page."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mute(port: int) -> Iterator[None]:
    """Accept connections and say nothing, ever."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_whatever_answers_in_the_consoles_place_stops_no_study_and_costs_no_report(
    make_site: Callable[..., Site],
    console: ConsoleServer,
    host_version: OrthancVersion,
    peer: Peer,
    tmp_path: Path,
) -> None:
    site = make_site(host_version, console=console)
    site.start()
    site.rule('Modality == "CT"', [site.peer(peer.url)])
    site.settle()
    console.stop()
    studies = []

    def forward() -> None:
        before = len(peer.received)
        studies.append(site.send(_study(tmp_path)))
        wait_for(lambda: len(peer.received) == before + 2, "it is forwarded")

    for status in (200, 500):
        with page(console.port, status):
            forward()
            words = f"HTTP {status} with text/html"
            wait_for(lambda said=words: said in _console_warning(site.orthanc), words, 40)  # type: ignore[misc]
    with mute(console.port):
        forward()
    console.start()
    for study in studies:
        site.wait_for(study, "delivered", seconds=40)
    wait_for(lambda: not _console_warning(site.orthanc), "the warning is over")
    assert set(peer.received.values()) == {1}


def test_a_start_without_the_consoles_address_costs_nothing_of_what_waits(
    make_site: Callable[..., Site], host_version: OrthancVersion, peer: Peer, tmp_path: Path
) -> None:
    site = make_site(host_version)
    site.start()
    target = site.peer(peer.url, paused=True)
    site.rule('Modality == "CT"', [target])
    site.settle()
    study = site.send(_study(tmp_path))
    site.wait_for(study, "held")
    section = dict(site.orthanc.configuration["OrthancConsole"])
    site.orthanc.kill()
    site.orthanc.configuration["OrthancConsole"] = {**section, "Url": ""}
    site.orthanc.start()
    wait_for(lambda: "console_url" in str(site.plugin()["warnings"]), "it says what is missing")
    wait_for(lambda: site.plugin().get("orthanc_version"), "its threads run")
    time.sleep(1)
    site.orthanc.kill()
    site.orthanc.configuration["OrthancConsole"] = section
    site.start_again()
    site.console.post(f"/destinations/{target['id']}/resume/")
    site.wait_for(study, "delivered")


@pytest.mark.parametrize("what", ["revoke-token", "new-token"])
def test_a_token_that_is_refused_is_named_and_forwarding_goes_on(
    make_site: Callable[..., Site],
    host_version: OrthancVersion,
    peer: Peer,
    tmp_path: Path,
    what: str,
) -> None:
    site = make_site(host_version)
    site.start()
    site.rule('Modality == "CT"', [site.peer(peer.url)])
    site.settle()
    site.console.request("POST", f"/nodes/{site.node_id}/{what}/")
    wait_for(lambda: "token" in _console_warning(site.orthanc), "the token is named", 40)
    assert "wrong or was revoked" in _console_warning(site.orthanc)
    site.send(_study(tmp_path))
    wait_for(lambda: len(peer.received) == 2, "it is forwarded")


def test_a_wrong_token_is_named_inside_orthanc(
    make_site: Callable[..., Site], host_version: OrthancVersion
) -> None:
    site = make_site(host_version)
    section = {**site.orthanc.configuration["OrthancConsole"], "Token": "ocn_wrong"}
    site.orthanc.configuration["OrthancConsole"] = section
    site.orthanc.start()
    wait_for(lambda: "token" in _console_warning(site.orthanc), "the token is named")
    assert "ocn_wrong" not in str(site.plugin())
    assert "ocn_wrong" not in site.orthanc.log_text()


def test_a_second_orthanc_with_the_same_token_is_refused_and_the_node_warns(
    make_site: Callable[..., Site],
    start_orthanc: Callable[..., OrthancServer],
    host_version: OrthancVersion,
    tmp_path: Path,
) -> None:
    site = make_site(host_version)
    site.start()
    section = site.orthanc.configuration["OrthancConsole"]
    second = start_orthanc(
        "second",
        {
            "PythonScript": PLUGIN,
            "OrthancConsole": {**section, "StateDirectory": str(tmp_path / "second" / "state")},
        },
        version=host_version,
    )
    wait_for(lambda: "Another Orthanc" in _console_warning(second), "the second is refused")
    message = site.wait_for_warning("token_used_twice")
    assert "node of its own" in message
    assert second.get(STATUS)["config_revision"] is None
    assert site.node()["online"]
    assert _console_warning(site.orthanc) == ""


def _console_warning(orthanc: OrthancServer) -> str:
    """What the plugin of an Orthanc says of its console; empty if all is well."""
    warnings = {each["code"]: each["message"] for each in orthanc.get(STATUS)["warnings"]}
    return str(warnings.get("console", ""))


def _study(folder: Path) -> list[Path]:
    return make_study(folder / unique("study"), "CT", series=1, instances=2, rows=8)
