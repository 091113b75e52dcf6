"""All of docker-compose.yml, started as `docker compose --profile demo up` would, but for the database.

Its image is not to be had everywhere: the machine's own PostgreSQL takes its place, with the user, the password, the
name and the address that the file gives it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from testbed.compose import Service, services
from testbed.containers import Container, Network
from testbed.images import Image
from testbed.postgres import INSTALLATIONS
from testbed.processes import Server

DATABASE = "database"


class Database(Server):
    """PostgreSQL in the place of the service `database`, as the user postgres of the machine."""

    stop_signal = signal.SIGINT

    def __init__(self, service: Service, network: Network, directory: Path, secret: Path) -> None:
        self._service, self._network, self._secret = service, network, secret
        # Not below `directory`, which may be closed to other users.
        self._folder = Path(tempfile.mkdtemp(prefix="orthanc-console-postgres-"))
        self._programs = max(INSTALLATIONS.glob("*/bin"), key=lambda path: float(path.parts[-2]))
        super().__init__("PostgreSQL", directory / "database.log")

    def prepare(self) -> None:
        """Make the database that the service is told to make."""
        password, data = self._folder / "password", self._folder / "data"
        shutil.copyfile(self._secret, password)
        for path in (self._folder, password):
            shutil.chown(path, "postgres", "postgres")
        user = self._service.environment["POSTGRES_USER"]
        auth = [f"--pwfile={password}", "--auth-local=trust", "--auth-host=scram-sha-256"]
        self._call(
            "initdb",
            f"--username={user}",
            *auth,
            "--encoding=UTF8",
            "--locale=C",
            f"--pgdata={data}",
        )
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")
        self.start()
        own = [f"--host={self._folder}", f"--username={user}"]
        self._call("createdb", *own, self._service.environment["POSTGRES_DB"])

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        shutil.rmtree(self._folder)

    def command(self) -> list[str]:
        options = [
            "-D",
            str(self._folder / "data"),
            "-h",
            "*",
            f"-cunix_socket_directories={self._folder}",
        ]
        enter = ["nsenter", f"--net={self._network.namespace(DATABASE)}"]
        return [*enter, *self._program("postgres"), *options, "-cfsync=off"]

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8"}

    def is_ready(self) -> bool:
        return "ready to accept connections" in self.log_text(since_start=True)

    def _program(self, name: str) -> list[str]:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        return [*as_user, str(self._programs / name)]

    def _call(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [*self._program(name), *arguments],
            check=True, cwd=self._folder, stdout=subprocess.DEVNULL, env=self.environment(),
        )  # fmt: skip


class Stack:
    """The services of the compose file on images that were built; `variables` are those of the file.

    Attributes:
        services: what the file says.
        containers: what was started, by name.
    """

    def __init__(
        self, images: Mapping[str, Image], directory: Path, variables: Mapping[str, str]
    ) -> None:
        self.services = services(variables, "demo")
        self.containers: dict[str, Container] = {}
        self._images, self._directory = images, directory
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._network = stack.enter_context(Network(list(self.services)))
            self._roots = {
                target: stack.enter_context(image.mounted())
                for target, image in self._images.items()
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._stack, ThreadPoolExecutor() as pool:
            list(pool.map(Container.__exit__, self.containers.values()))

    def up(self) -> None:
        """Create every container, as Compose does, then start each when what it waits for is so.

        Raises:
            ServerError: one did not start, or did not become healthy, or did not end well.
        """
        ends = {
            other
            for service in self.services.values()
            for other, how in service.waits_for.items()
            if how == "service_completed_successfully"
        }
        for name, service in self.services.items():
            if name != DATABASE:
                self.containers[name] = self._container(service)
                self.containers[name].create()
        for name, service in self.services.items():
            if name == DATABASE:
                self._start_database(service)
                continue
            container = self.containers[name]
            if name in ends:
                container.run()
            else:
                container.start()

    def volume(self, name: str) -> Path:
        """The folder that stands for a volume."""
        return self._directory / "volumes" / name

    def _container(self, service: Service) -> Container:
        target = service.image.removeprefix("orthanc-console/")
        image, root = self._images[target], self._roots[target]
        return Container(service, image, root, self._network, self._directory)

    def _start_database(self, service: Service) -> None:
        secret = self.volume("secrets-database") / "password"
        database = Database(service, self._network, self._directory, secret)
        self._stack.callback(database.__exit__)
        database.prepare()
