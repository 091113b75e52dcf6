from __future__ import annotations

import logging
from argparse import ArgumentParser
from pathlib import Path
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from orthanc_console import keys, stopping
from orthanc_console.env import env
from routing.language import parse

# Every online node holds one thread with its waiting call, which costs next to nothing; a thread starts when it is needed.
THREADS = 256
STOP_SECONDS = 2
# Longer than nodes, and proxies as they come, keep a connection that is idle: whoever closes it must not be the server,
# which may do so at the moment in which the next request is sent.
KEEP_ALIVE_SECONDS = 75


class Worker(ThreadWorker):  # type: ignore[misc]
    """Lets waiting calls go before it stops, so that a stop takes no 20 seconds."""

    def handle_exit(self, sig: int, frame: object) -> None:
        stopping.begin()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: object) -> None:
        stopping.begin()
        super().handle_quit(sig, frame)

    def is_parent_alive(self) -> bool:
        alive: bool = super().is_parent_alive()
        if not alive:
            stopping.begin()
        return alive


class Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        application = get_wsgi_application()
        # Nobody else tells why there is no connection while the console serves.
        logging.getLogger("psycopg.pool").setLevel(logging.WARNING)
        # The first rule that is read builds the tables of the grammar and of DICOM, for which nobody should wait.
        Thread(target=parse, args=('"CT" in ModalitiesInStudy',), daemon=True).start()
        return application


class Command(BaseCommand):
    help = "Serve the console. Behind a proxy for https; static files are served, too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=env.int("PORT", default=8000))
        parser.add_argument("--threads", type=int, default=THREADS)
        parser.add_argument("--workers", type=int, default=1 if _on_sqlite() else 2)

    def handle(self, *args: Any, **options: Any) -> None:
        self._compare_keys()
        # WhiteNoise warns when this folder is missing, though it finds the files without it.
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        address = f"{host}:{options['port']}"
        Server(
            {
                "bind": address,
                "when_ready": lambda _server: self._tell(address),
                "worker_class": Worker,
                "workers": options["workers"],
                "threads": options["threads"],
                "graceful_timeout": STOP_SECONDS,
                "timeout": 120,
                "keepalive": KEEP_ALIVE_SECONDS,
                # Query strings may name patients, so no line is written for each request.
                "accesslog": None,
                "loglevel": "warning",
                "control_socket_disable": True,
            }
        ).run()

    def _tell(self, address: str) -> None:
        names = ", ".join(settings.ALLOWED_HOSTS) or "nothing: set ALLOWED_HOSTS"
        self.stdout.write(f"The console listens on http://{address} and is known as {names}.")
        # Workers are forked next, and would write it again.
        self.stdout.flush()

    def _compare_keys(self) -> None:
        try:
            unreadable = keys.unreadable()
            another = not unreadable and keys.signed_by_another()
        except DatabaseError as error:
            self.stderr.write(f"Whether the keys fit the database is not known: {error}")
            return
        finally:
            # What serves is forked, and must not share a connection.
            connection.close()
            if connection.vendor == "postgresql":
                connection.close_pool()  # type: ignore[attr-defined]
        if unreadable:
            raise CommandError(
                f"FIELD_KEYS cannot decrypt {unreadable} in this database. Nothing was changed. Give this console the keys with "
                "which it was written; all consoles of one database need the same."
            )
        if another:
            self.stderr.write(
                "SECRET_KEY is not the one of the last sign-in, so people have to sign in again. Was it not changed on purpose, "
                "then give all consoles of this database the same, or they sign each other's people out."
            )


def _on_sqlite() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3")
