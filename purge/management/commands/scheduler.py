from __future__ import annotations

import signal
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from orthanc_console import stopping
from purge import scheduler


class Command(BaseCommand):
    help = "Do every minute what the line of the crontab does; for containers, which have no cron. Runs until it is told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, default=60.0, help="seconds between two looks")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stopping.begin())
        every = options["every"]
        while True:
            close_old_connections()
            scheduler.tick()
            # On the full minute, which is when schedules are due.
            if stopping.pause(every - time.time() % every):
                return
