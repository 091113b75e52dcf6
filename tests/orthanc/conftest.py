"""Real Orthanc servers for tests.

`orthanc_version` runs a test once for every version that can be had here; ORTHANC_VERSIONS=host
(or several, with commas) limits them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.console import ConsoleServer
from testbed.orthanc import OrthancServer
from testbed.versions import OrthancVersion, VersionUnavailableError, ensure, version_names
from tests.orthanc.peer import Peer, running_peer
from tests.orthanc.site import Site

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.orthanc)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "orthanc_version" in metafunc.fixturenames:
        names = version_names()
        metafunc.parametrize("orthanc_version", names, ids=names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def orthanc_version(request: pytest.FixtureRequest) -> OrthancVersion:
    """The version of Orthanc that a test is about."""
    return _version(request.param)


@pytest.fixture(scope="session")
def host_version() -> OrthancVersion:
    """The machine's own Orthanc, for tests in which the version does not matter."""
    return _version("host")


@pytest.fixture
def start_orthanc(tmp_path: Path) -> Iterator[Callable[..., OrthancServer]]:
    """Return a function that starts an Orthanc: `start_orthanc(name, configuration, **options)`.

    The options are those of OrthancServer; `name` is its folder, and in capitals its AET. At the
    end the servers are killed, which takes no time; a test that is about stopping stops them.
    """
    servers: list[OrthancServer] = []

    def start(
        name: str, configuration: dict[str, Any] | None = None, **options: Any
    ) -> OrthancServer:
        options.setdefault("aet", name.upper())
        server = OrthancServer(tmp_path / name, configuration, **options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        if server.running:
            server.kill()


@pytest.fixture(scope="session")
def destination(
    tmp_path_factory: pytest.TempPathFactory, host_version: OrthancVersion
) -> Iterator[OrthancServer]:
    """An Orthanc that receives, for the whole session: tests look only at their own studies."""
    server = OrthancServer(
        tmp_path_factory.mktemp("destination"), version=host_version, aet="DESTINATION"
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def prepared_console(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a console that was never started."""
    folder = tmp_path_factory.mktemp("console")
    ConsoleServer(folder).prepare()
    return folder


@pytest.fixture
def console(tmp_path: Path, prepared_console: Path) -> Iterator[ConsoleServer]:
    """A console of its own, with an administrator and no nodes."""
    folder = tmp_path / "console"
    shutil.copytree(prepared_console, folder)
    with ConsoleServer(folder, prepared=True) as server:
        yield server


@pytest.fixture(scope="session")
def shared_console(
    tmp_path_factory: pytest.TempPathFactory, prepared_console: Path
) -> Iterator[ConsoleServer]:
    """A console for all tests that need not stop it."""
    folder = tmp_path_factory.mktemp("shared") / "console"
    shutil.copytree(prepared_console, folder)
    with ConsoleServer(folder, prepared=True) as server:
        yield server


@pytest.fixture(scope="session")
def shared_site(
    tmp_path_factory: pytest.TempPathFactory,
    shared_console: ConsoleServer,
    orthanc_version: OrthancVersion,
) -> Iterator[Site]:
    """An Orthanc of each version with the plugin, for all tests that need not stop it."""
    site = Site(shared_console, tmp_path_factory.mktemp("site"), orthanc_version)
    site.start()
    yield site
    site.orthanc.kill()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """`shared_site` without the rules and destinations of other tests."""
    yield shared_site
    shared_site.clear()


@pytest.fixture(scope="session")
def shared_host_site(
    tmp_path_factory: pytest.TempPathFactory,
    shared_console: ConsoleServer,
    host_version: OrthancVersion,
) -> Iterator[Site]:
    """The machine's own Orthanc with the plugin, for tests in which the version does not matter."""
    site = Site(shared_console, tmp_path_factory.mktemp("host-site"), host_version)
    site.start()
    yield site
    site.orthanc.kill()


@pytest.fixture
def host_site(shared_host_site: Site) -> Iterator[Site]:
    """`shared_host_site` without the rules and destinations of other tests."""
    yield shared_host_site
    shared_host_site.clear()


@pytest.fixture
def make_site(tmp_path: Path, shared_console: ConsoleServer) -> Iterator[Callable[..., Site]]:
    """Return a function that makes a site of a test's own: `make_site(version, configuration, **options)`.

    It does not start it. The options are those of Site; `console` is the shared one by default.
    """
    sites: list[Site] = []

    def make(
        version: OrthancVersion,
        configuration: dict[str, Any] | None = None,
        *,
        console: ConsoleServer = shared_console,
        **options: Any,
    ) -> Site:
        folder = tmp_path / f"site-{len(sites)}"
        site = Site(console, folder, version, configuration, **options)
        sites.append(site)
        return site

    yield make
    for site in sites:
        if site.orthanc.running:
            site.orthanc.kill()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """An Orthanc peer that counts what it receives."""
    with running_peer() as peer:
        yield peer


def _version(name: str) -> OrthancVersion:
    try:
        return ensure(name)
    except VersionUnavailableError as error:
        pytest.skip(str(error))
