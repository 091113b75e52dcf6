from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from orthanc_console import tokens
from orthanc_console.nodes import services
from orthanc_console.nodes.models import Node

COMMAND_LINE = "command line"


class Command(BaseCommand):
    help = "Register an Orthanc. Its token is the last line of standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--token-file",
            type=Path,
            help="keep the token in this file instead. Does nothing where the file has the token of this node; "
            "a node that exists without it gets a new token.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["token_file"]:
            self._keep(options["name"], options["token_file"])
            return
        secret = _create(options["name"])
        self.stderr.write(f"Registered {options['name'].strip()}; its token is shown only now:")
        self.stdout.write(secret)

    def _keep(self, name: str, path: Path) -> None:
        node = Node.objects.filter(name=name.strip()).first()
        if node and node.token_digest is None:
            self.stderr.write(
                f"The token of {node.name} was revoked; the console can make a new one."
            )
            return
        try:
            if (
                node
                and path.exists()
                and node.token_digest == tokens.digest(path.read_text("ascii"))
            ):
                self.stderr.write(f"{path} has the token of {node.name}; nothing was changed.")
                return
            secret = services.new_token(None, node, COMMAND_LINE) if node else _create(name)
            _write(path, secret)
        except OSError as error:
            raise CommandError(
                f"The token could not be kept: {error}. Start this again."
            ) from error
        before = " It is a new one: the token before is void now." if node else ""
        self.stderr.write(f"The token of {name.strip()} is in {path}.{before}")


def _create(name: str) -> str:
    try:
        _node, secret = services.create(None, name, actor_name=COMMAND_LINE)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return secret


def _write(path: Path, secret: str) -> None:
    """Whole or not at all, and readable by the group: Orthanc runs as another user."""
    half = path.with_name(f"{path.name}.new")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret)
    half.replace(path)
