from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from orthanc_console.nodes import services


class Command(BaseCommand):
    help = "Register an Orthanc. Its token is the last line of standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            node, secret = services.create(None, options["name"], actor_name="command line")
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stderr.write(f"Registered {node.name}; its token is shown only now:")
        self.stdout.write(secret)
